import { buildApp as buildApi } from '@roomlog/api/app'
import { parseConfig as parseApiConfig } from '@roomlog/api/config'
import { ROLES } from '@roomlog/db'
import { lowestId, newId } from '@roomlog/protocol'
import { suiteOn } from '@roomlog/testkit'
import { buildApp as buildEdge } from '@roomlog/ws-edge/app'
import { parseConfig as parseEdgeConfig } from '@roomlog/ws-edge/config'
import { sql } from 'kysely'
import { pino } from 'pino'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { LiveView } from '../live-view.ts'
import { Person } from '../person.ts'
import { makeKeys } from '../start/keys.ts'
import { command, message, type OperatorWorld, operatorWorld } from './operator-world.ts'

const DAY_MS = 86_400_000
/** More than a batch. */
const OLD = 2500
const NEW = 50
const silent = pino({ level: 'silent' })

suiteOn(['postgres'], 'what is kept for its time only', () => {
  const resources = new AsyncDisposableStack()
  let world: OperatorWorld
  let ada: Person
  let room: string

  const run = (...args: readonly string[]) => command('retention', args, { ...world.env, DATABASE_ROLE: '' })
  const retain = () => run('--older-than', '365d', '--yes')

  beforeAll(async () => {
    world = resources.use(await operatorWorld('embedded'))
    const keys = makeKeys()
    const env = { ...world.env, PORT: '0', LOG_LEVEL: 'silent' }
    const { JWT_PUBLIC_KEYS } = keys
    const edge = await buildEdge(
      parseEdgeConfig({ ...env, JWT_PUBLIC_KEYS, DATABASE_ROLE: ROLES.edge, EDGE_ID: 'edge-1' }),
      { log: silent, onFatal: (error) => expect.fail(error.message) },
    )
    resources.defer(() => edge.close())
    const PUBLIC_WS_URLS = `${(await edge.listen({ host: '127.0.0.1', port: 0 })).replace('http', 'ws')}/ws`
    await vi.waitFor(async () => expect((await edge.inject({ url: '/readyz' })).statusCode).toBe(200), 20_000)
    const api = await buildApi(
      parseApiConfig({ ...env, ...keys, PUBLIC_WS_URLS, DATABASE_ROLE: ROLES.api }),
      {
        log: silent,
      },
    )
    resources.defer(() => api.close())
    const apiUrl = await api.listen({ host: '127.0.0.1', port: 0 })
    ada = await Person.register(apiUrl, 'ada', 'Ada')
    room = (await ada.createRoom('room')).id
    await fill()
    await world.startPersister()
  })
  afterAll(() => resources.disposeAsync())

  /** The room's messages, from 400 days ago on and from 40, each a second after the one before. No log has them. */
  async function fill(): Promise<void> {
    const { db } = world.admin
    const rows = Array.from({ length: OLD + NEW }, (_, i) => {
      const atMs = Date.now() - (i < OLD ? 400 : 40) * DAY_MS + i * 1000
      const seq = i + 1
      return { room_id: room, seq, id: idAt(atMs, seq), body: `said ${seq}`, created_at: new Date(atMs) }
    })
    const more = { sender_id: ada.session.user.id, source_partition: 0, source_offset: 0 }
    for (let from = 0; from < rows.length; from += 500) {
      const part = rows.slice(from, from + 500)
      const values = part.map((row) => ({ ...row, ...more, client_msg_id: `message-${row.seq}` }))
      await db.insertInto('chat.messages').values(values).execute()
    }
    const [last_seq, last_message_id] = [rows.length, rows.at(-1)?.id ?? null]
    await db.updateTable('chat.rooms').set({ last_seq, last_message_id }).where('id', '=', room).execute()
  }

  test('is counted first, and a service’s role could not remove it', async () => {
    const { code, stdout } = await run('--older-than', '365d')
    expect({ code, stdout }).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(`^There are ${OLD} bodies`),
    })
    for (const DATABASE_ROLE of Object.values(ROLES)) {
      const args = ['--older-than', '365d', '--yes']
      const refused = await command('retention', args, { ...world.env, DATABASE_ROLE })
      expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining('leave DATABASE_ROLE unset') })
    }
    expect(await run('--older-than', '30d', '--yes')).toMatchObject({ code: 2, stdout: '' })
    expect((await run('--yes')).stdout).toBe('Removed 0 bodies of messages and 0 ended sessions.\n')
    expect((await ada.history(room)).filter(({ body }) => body === '')).toEqual([])
  })

  test('is a message’s body: all else of the room is as it was', async () => {
    const before = await ada.history(room)
    expect(await retain()).toMatchObject({
      code: 0,
      stdout: expect.stringContaining(`Removed ${OLD} bodies`),
    })
    const emptied = before.map((it) => (it.seq <= OLD ? { ...it, body: '' } : it))
    expect(await ada.history(room)).toEqual(emptied)
    expect((await retain()).stdout).toContain('Removed 0 bodies')
    // A cursor that was emptied is one still; so is a resume from before all that are left.
    const cursor = before[OLD - 10]
    const page = await ada.historyPage(room, `after=${cursor?.id}`, 3)
    expect(page.messages.map(({ seq }) => seq)).toEqual([OLD - 8, OLD - 7, OLD - 6])
    const view = await LiveView.open(ada, [room])
    await view.send(room, 'said live')
    await view.until(() => view.seen.get(room)?.length === before.length + 1)
    expect(view.seen.get(room)?.map(({ seq }) => seq)).toEqual(
      before.map(({ seq }) => seq).concat(before.length + 1),
    )
    expect(view.violations).toEqual([])
    view.close()
  })

  test('leaves a repeat known for one: no second row, and its sender is told', async () => {
    const persisted = await world.follow('persisted')
    const repeat = { clientMsgId: 'message-7', senderId: ada.session.user.id }
    await world.send(message(room, 'said 7', repeat))
    await world.handled()
    await expect
      .poll(() => persisted.map(({ value }) => JSON.parse(String(value))))
      .toMatchObject([{ code: 'client_msg_id_reused', clientMsgId: 'message-7' }])
    const bodies = await world.bodiesOf(room)
    expect(bodies.filter((body) => body === 'said 7')).toEqual([])
    expect(bodies).toHaveLength(OLD + NEW + 1)
  })

  test('leaves an auditor nothing to find', async () => {
    expect(await command('audit', ['--full', '--older-than', '0'], world.env)).toMatchObject({ code: 0 })
  })

  test('is a session that ended 30 days ago, with its tokens', async () => {
    const { db } = world.admin
    const families = async () =>
      (await db.selectFrom('chat.refresh_families').select('id').execute()).map(({ id }) => id)
    const [lasting] = await families()
    const [ended, justEnded] = [newId(), newId()]
    const user_id = ada.session.user.id
    for (const [id, days] of [
      [ended, 31],
      [justEnded, 29],
    ] as const) {
      const expires_at = new Date(Date.now() - days * DAY_MS)
      await db.insertInto('chat.refresh_families').values({ id, user_id, expires_at }).execute()
      const token = { hash: Buffer.from(id), family: id, generation: 1 }
      await db.insertInto('chat.refresh_tokens').values(token).execute()
    }
    expect((await run()).stdout).toContain('0 bodies of messages and 1 ended sessions to remove')
    expect((await run('--yes')).stdout).toContain('and 1 ended sessions')
    expect((await families()).toSorted()).toEqual([lasting, justEnded].toSorted())
    const { rows } = await sql`SELECT FROM chat.refresh_tokens WHERE family = ${ended}`.execute(db)
    expect(rows).toEqual([])
  })
})

/** A ULID of that time; the rest counts. */
function idAt(timeMs: number, n: number): string {
  return lowestId(timeMs).slice(0, 10) + String(n).padStart(16, '0')
}
