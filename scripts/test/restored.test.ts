import { randomUUID } from 'node:crypto'
import { connect, type Database } from '@roomlog/db'
import { encodeCreated, PERSISTER_GROUP, partitionOf } from '@roomlog/events'
import { suiteOn, type TestClient, testClient } from '@roomlog/testkit'
import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { LiveView } from '../live-view.ts'
import { Person } from '../person.ts'
import { tailsOf } from '../restored/tail.ts'
import { Fleet, fleetServers } from './fleet.ts'
import { command, message, OPERATOR_ENGINES, type OperatorWorld, operatorWorld } from './operator-world.ts'

const PATIENCE = { timeout: 60_000, interval: 20 }

for (const { name: engine, needs } of OPERATOR_ENGINES) {
  suiteOn(
    [...needs, ...(engine === 'full' ? (['redis'] as const) : [])],
    `a restore on the ${engine} engine`,
    () => {
      const resources = new AsyncDisposableStack()
      let fleet: Fleet
      let env: Readonly<Record<string, string>> & { readonly DATABASE_URL: string }
      let admin: Database

      beforeAll(async () => {
        const servers = resources.use(await fleetServers(engine))
        env = servers.env
        const url = new URL(env.DATABASE_URL)
        url.pathname = '/postgres'
        admin = connect({ url: url.href, applicationName: 'test-admin', statementTimeoutMs: 60_000 })
        resources.defer(() => admin.close())
        fleet = resources.use(await Fleet.prepare({ env, edges: 2 }))
        await fleet.start()
      })
      afterAll(() => resources.disposeAsync())

      /** Cuts off whoever is connected, as a restore does. */
      async function replace(target: string, source: string): Promise<void> {
        const { db } = admin
        for (const name of [target, source]) {
          await sql`UPDATE pg_database SET datallowconn = false WHERE datname = ${name}`.execute(db)
          await sql`SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = ${name}`.execute(
            db,
          )
        }
        await sql`DROP DATABASE IF EXISTS ${sql.id(target)} WITH (FORCE)`.execute(db)
        await sql`CREATE DATABASE ${sql.id(target)} TEMPLATE ${sql.id(source)}`.execute(db)
        await sql`UPDATE pg_database SET datallowconn = true WHERE datname IN (${target}, ${source})`.execute(
          db,
        )
      }

      test('starts everybody anew, stores the tail of the log again, and shows nothing of what it has lost', async () => {
        const run = randomUUID().slice(0, 8)
        const apiUrl = fleet.apiUrls[0] ?? ''
        const [ada, grace] = [
          await Person.register(apiUrl, `ada_${run}`, 'Ada'),
          await Person.register(apiUrl, `grace_${run}`, 'Grace'),
        ]
        const { id: room } = await ada.createRoom('Restored')
        await grace.joinRoom(room)
        const views = [
          await LiveView.open(ada, [room], async () => fleet.wsUrls[0] ?? ''),
          await LiveView.open(grace, [room], async () => fleet.wsUrls[1] ?? ''),
        ]
        const say = async (...bodies: readonly string[]) => {
          for (const [i, body] of bodies.entries()) await views[i % 2]?.send(room, body)
        }
        const everybodySees = (count: number) =>
          expect
            .poll(() => views.map((view) => view.seen.get(room)?.length), PATIENCE)
            .toEqual([count, count])
        const bodies = async () => (await grace.history(room)).map(({ body }) => body)
        const joined = async (wsUrl: string, afterSeq: number): Promise<TestClient> => {
          const client = await testClient(wsUrl, { token: ada.session.accessToken })
          client.send({ type: 'joinRoom', roomId: room, afterSeq })
          return client
        }

        const kept = numbered('kept', 10)
        await say(...kept)
        await everybodySees(10)
        const live = new URL(env.DATABASE_URL).pathname.slice(1)
        const backup = `${live}_backup`
        await replace(backup, live)
        resources.defer(async () => {
          await sql`DROP DATABASE IF EXISTS ${sql.id(backup)} WITH (FORCE)`.execute(admin.db)
        })
        const lost = numbered('stored once', 10)
        await say(...lost)
        await everybodySees(20)
        const idsBefore = (await grace.history(room)).map(({ id }) => id)

        const running = await command('restored', ['--yes'], env)
        expect(running).toMatchObject({ code: 2, stdout: '' })
        expect(running.stderr).toContain('1 persister is running')
        await fleet.stop(['persister'])
        const waiting = numbered('accepted', 3)
        await say(...waiting)

        const watchers = await Promise.all(fleet.wsUrls.map((url) => joined(url, 20)))
        for (const watcher of watchers) await watcher.next('joinedRoom')
        await replace(live, backup)
        const dry = await command('restored', [], env)
        expect(dry).toMatchObject({ code: 1, stderr: '' })
        expect(dry.stdout).toContain('Nothing was changed')
        if (engine === 'full') expect(dry.stdout).toContain('The log has 10 records')
        expect(await command('restored', ['--yes'], env)).toMatchObject({ code: 0, stderr: '' })

        for (const watcher of watchers) expect((await watcher.closed).code).toBe(1012)
        for (const wsUrl of fleet.wsUrls) {
          await expect
            .poll(async () => {
              await using again = await joined(wsUrl, 20)
              return await again.next('joinedRoom')
            }, PATIENCE)
            .toMatchObject({ recovered: false, reason: 'reset', headSeq: 10 })
        }
        await fleet.start(['persister'])
        const again = engine === 'full' ? [...lost, ...waiting] : []
        await expect.poll(bodies, PATIENCE).toEqual([...kept, ...again])
        const after = numbered('afterwards', 15)
        await say(...after)
        await everybodySees(kept.length + again.length + after.length)
        expect(await bodies()).toEqual([...kept, ...again, ...after])
        const history = await grace.history(room)
        for (const view of views) {
          expect(view.seen.get(room)).toEqual(history)
          expect(view.violations).toEqual([])
          view.close()
        }
        // What was lost is another message now, whatever its words.
        const ids = new Set(history.map(({ id }) => id))
        expect(idsBefore.filter((id) => ids.has(id))).toEqual(idsBefore.slice(0, 10))
        const audited = await command('audit', ['--full', '--older-than', '0'], env)
        expect(audited).toMatchObject({ code: 0, stderr: '' })
      })
    },
  )
}

suiteOn(['postgres', 'kafka'], 'where a restored database ends', () => {
  let world: OperatorWorld
  beforeAll(async () => {
    world = await operatorWorld('full')
    await world.startPersister()
  })
  afterAll(() => world[Symbol.asyncDispose]())

  const tail = async (partition: number) =>
    (await tailsOf(world.reader, world.admin.db)).find((it) => it.partition === partition)
  /** Back to the state after so many messages of the room. */
  async function goBack(roomId: string, head: number): Promise<void> {
    const { db } = world.admin
    await db.deleteFrom('chat.messages').where('room_id', '=', roomId).where('seq', '>', head).execute()
    await db.updateTable('chat.rooms').set({ last_seq: head }).where('id', '=', roomId).execute()
  }

  test('is behind its last row, whatever was repeated or dead-lettered there', async () => {
    const room = await world.newRoom()
    const partition = partitionOf(room, world.reader.partitions)
    const messages = ['1', '2', '3', '4'].map((body) => message(room, body))
    const [first, ...more] = messages
    if (first === undefined) throw new Error('no message')
    const broken = { ...encodeCreated(first), value: Buffer.from('{') }
    await world.send(first)
    await world.eventLog.append('created', broken)
    await world.send(first, ...more)
    await world.handled()
    expect(await tail(partition)).toBeUndefined()
    await goBack(room, 2)
    const end = (await world.reader.bounds('created')).get(partition)?.end ?? 0n
    expect(await tail(partition)).toEqual({ partition, from: end - 2n, position: end, removed: 0n })

    await world.stopPersister()
    const { code, stdout } = await command('restored', ['--yes'], { ...world.env, DATABASE_ROLE: '' })
    expect({ code, stdout }).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('The log has 2 records'),
    })
    await world.startPersister()
    await world.handled()
    expect(await world.bodiesOf(room)).toEqual(['1', '2', '3', '4'])
  })

  test('is right at whatever moment of a busy day the backup was taken', async () => {
    const rooms = [await world.newRoom(), await world.newRoom(), await world.newRoom()]
    const bodies = numbered('message', 600)
    const sending = rooms.map(async (room) => {
      for (const body of bodies) await world.send(message(room, body))
    })
    const { db } = world.admin
    const count = () =>
      db.selectFrom('chat.messages').select(sql<number>`count(*)`.as('n')).executeTakeFirst()
    await expect.poll(async () => (await count())?.n, PATIENCE).toBeGreaterThan(700)
    const { rows: backup } = await sql<{ rooms: string; messages: string }>`
      SELECT (SELECT json_agg(r) FROM chat.rooms r)::text AS rooms,
             (SELECT json_agg(m) FROM chat.messages m)::text AS messages`.execute(db)
    await Promise.all(sending)
    await world.handled()
    await world.stopPersister()
    await db.transaction().execute(async (trx) => {
      await trx.deleteFrom('chat.messages').execute()
      await sql`INSERT INTO chat.messages
        SELECT * FROM json_populate_recordset(NULL::chat.messages, ${backup[0]?.messages}::json)`.execute(trx)
      await sql`UPDATE chat.rooms r SET last_seq = b.last_seq, last_message_id = b.last_message_id,
        last_message_at = b.last_message_at
        FROM json_populate_recordset(NULL::chat.rooms, ${backup[0]?.rooms}::json) b WHERE b.id = r.id`.execute(
        trx,
      )
    })
    const kept = (await count())?.n ?? 0
    const tails = await tailsOf(world.reader, db)
    const again = tails.reduce((sum, { from, position }) => sum + Number(position - from), 0)
    // Nothing that is stored is read again, but what is repeated or dead behind it.
    expect(kept + again).toBe(rooms.length * bodies.length + 4)
    expect((await command('restored', ['--yes'], { ...world.env, DATABASE_ROLE: '' })).code).toBe(0)
    await world.startPersister()
    await world.handled()
    for (const room of rooms) expect(await world.bodiesOf(room)).toEqual(bodies)
  })

  test('is not known where the log has another record there: all that is kept is taken again', async () => {
    const room = await world.newRoom()
    const partition = partitionOf(room, world.reader.partitions)
    await world.send(message(room, 'a'), message(room, 'b'))
    await world.handled()
    const { db } = world.admin
    const position = (await world.reader.positions(PERSISTER_GROUP, 'created')).get(partition)
    for (const source_offset of [0, 1_000_000]) {
      await db.updateTable('chat.messages').set({ source_offset }).where('room_id', '=', room).execute()
      await db.deleteFrom('chat.messages').where('room_id', '!=', room).execute()
      expect(await tail(partition)).toEqual({ partition, from: 0n, position, removed: 0n })
    }
  })

  test('may be told by nobody but who may replace the epoch', async () => {
    const { code, stderr } = await command('restored', ['--yes'], world.env)
    expect(code).toBe(2)
    expect(stderr).toContain('leave DATABASE_ROLE unset')
    expect((await command('restored', ['--now'], world.env)).stderr).toContain('npm run restored --')
    expect((await command('restored', ['--help'], world.env)).stdout).toContain('npm run restored --')
  })
})

function numbered(name: string, count: number): readonly string[] {
  return Array.from({ length: count }, (_, i) => `${name} ${i + 1}`)
}
