import { randomUUID } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { connect, ROLES } from '@roomlog/db'
import { connectEventLog, connectLogReader, type TimedRecord } from '@roomlog/event-log'
import { encodeCreated, encodeDeadLetter, PARTITIONS_DEFAULT, PERSISTER_GROUP } from '@roomlog/events'
import { suiteOn, testClient } from '@roomlog/testkit'
import { sql } from 'kysely'
import { pino } from 'pino'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { stoppedRoomlog } from '../operator/stopped-roomlog.ts'
import { Person } from '../person.ts'
import { prepare } from '../start/prepare.ts'
import { readSettings } from '../start/settings.ts'
import { contentsOf, prepare as prepareTransaction, TABLES } from '../to-full/tables.ts'
import { type FleetServers, fleetServers } from './fleet.ts'
import { command, message } from './operator-world.ts'
import { newFolder, ROOT, startRoomlog } from './running-roomlog.ts'

const PATIENCE = { timeout: 60_000 }
const silent = pino({ level: 'silent' })
const UNREADABLE = { key: 'room', headers: { trace: 'kept' }, value: Buffer.from('{'), offset: 0n }
const DEAD_LETTER = encodeDeadLetter(UNREADABLE, 'undecodable: not JSON', {
  topic: 'created',
  partition: 0,
  offset: 0n,
})

suiteOn(['postgres', 'kafka', 'redis'], 'moving from the embedded engine to the full one', () => {
  const resources = new AsyncDisposableStack()
  let dataFolder: string
  let servers: FleetServers

  beforeAll(async () => {
    dataFolder = await newFolder()
    resources.defer(() => rm(dataFolder, { recursive: true, force: true }))
    servers = resources.use(await fleetServers('full'))
  })
  afterAll(() => resources.disposeAsync())

  test('loses nothing, and the same client goes on from where it was', async () => {
    const [run, limits] = [randomUUID().slice(0, 8), { MAX_RESUME: '1000' }]
    const old = resources.use(await startRoomlog({ env: limits, dataFolder }))
    const [ada, grace] = [
      await Person.register(old.apiUrl, `ada_${run}`, 'Ada ä 👋'),
      await Person.register(old.apiUrl, `grace_${run}`, 'Grace'),
    ]
    const { id: room } = await ada.createRoom('Moved "\\ \' house')
    await grace.joinRoom(room)
    const banned = await Person.register(old.apiUrl, `banned_${run}`, 'Banned')
    await banned.joinRoom(room)
    await ada.removeMember(room, banned.session.user.id)
    const bodies = ['one', 'two\nlines', 'a "quote", a \\ and a \t tab', '👋 ä', '{"json":[1,2]}']
    const client = await testClient(old.wsUrl, { token: ada.session.accessToken })
    client.send({ type: 'joinRoom', roomId: room })
    const { epoch } = await client.next('joinedRoom')
    for (const body of bodies) {
      client.send({ type: 'sendMessage', roomId: room, clientMsgId: randomUUID(), body })
      await client.next('newMessage')
    }
    const moved = () => command('to-full', ['--from', dataFolder], servers.env)
    const tooEarly = await moved()
    expect(tooEarly).toMatchObject({ code: 2, stdout: '' })
    expect(tooEarly.stderr).toContain('npm run')
    await migrateNew(servers)
    const running = await moved()
    expect(running.code).toBe(2)
    expect(running.stderr).toContain(`Roomlog runs from ${dataFolder}: stop it first`)
    const before = await grace.history(room)
    expect(await old.stop()).toBe(0)
    const waiting = ['accepted 1', 'accepted 2', 'accepted 3'].map((body) =>
      message(room, body, { senderId: ada.session.user.id }),
    )
    await acceptOnly(dataFolder, waiting)

    const first = await moved()
    expect(first.code, first.stderr).toBe(0)
    expect(first.stdout).toContain('accepted and not stored yet: 3, in Kafka now')
    expect(first.stdout).toContain('waiting dead letters: 1, in Kafka now')
    expect(first.stdout).toContain(`chat.messages: ${bodies.length} rows`)
    expect((await moved()).stderr).toContain('The new database is not empty (chat.users)')
    await expectSameTables(dataFolder, servers)

    const env = { ...servers.env, ...limits }
    const full = resources.use(await startRoomlog({ env, dataFolder }))
    const again = await testClient(full.wsUrl, { token: ada.session.accessToken })
    expect(await again.next('welcome')).toMatchObject({ epoch })
    const late = { clientMsgId: randomUUID(), body: 'on new servers' }
    again.send({ type: 'joinRoom', roomId: room, afterSeq: bodies.length })
    expect(await again.next('joinedRoom')).toMatchObject({ epoch, recovered: true })
    again.send({ type: 'sendMessage', roomId: room, ...late })
    const expected = [...waiting.map(({ body }) => body), late.body]
    const seen = () =>
      again.frames.flatMap((it) =>
        it.type === 'newMessage' ? [it.message as { seq: number; body: string }] : [],
      )
    await expect.poll(() => seen().map(({ body }) => body), PATIENCE).toEqual(expected)
    expect(seen().map(({ seq }) => seq)).toEqual(expected.map((_, i) => bodies.length + 1 + i))
    // A repeat of what was stored before is still one.
    const [repeated] = before
    again.send({
      type: 'sendMessage',
      roomId: room,
      clientMsgId: repeated?.clientMsgId,
      body: repeated?.body,
    })
    await again.next((it) => it.type === 'ack' && it.clientMsgId === repeated?.clientMsgId)

    const post = (path: string, token: string, body: object) =>
      fetch(`${full.apiUrl}${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
        body: JSON.stringify(body),
      })
    const history = await post(`/rooms/${room}/join`, grace.session.accessToken, {})
    expect(history.status).toBe(200)
    expect((await post(`/rooms/${room}/join`, banned.session.accessToken, {})).status).toBe(403)
    const refreshed = await post('/auth/refresh', '', { refreshToken: grace.session.refreshToken })
    expect(refreshed.status).toBe(200)
    await again.close()
    const operator = { ...servers.env, DATABASE_ROLE: ROLES.edge }
    const audited = () => command('audit', ['--full', '--older-than', '0'], operator)
    expect((await audited()).stdout).toContain('undecodable: not JSON')
    await command('dlq', ['dismiss', '--all'], operator)
    const { code, stdout } = await audited()
    expect(code, stdout).toBe(0)
    expect(await full.stop()).toBe(0)
  }, 300_000)

  test('leaves an interrupted run to be repeated, and what it has appended is there once', async () => {
    await using other = await fleetServers('full')
    await migrateNew(other)
    const moved = () => command('to-full', ['--from', dataFolder], other.env)
    const target = connect({ url: other.env.DATABASE_URL, applicationName: 'test' })
    try {
      // The last thing that is written fails.
      const { db } = target
      await sql`ALTER TABLE chat.cluster ADD CONSTRAINT kept CHECK (epoch = 'none') NOT VALID`.execute(db)
      expect((await moved()).code).toBe(2)
      for (const table of TABLES) expect(await contentsOf(table, db)).toMatchObject({ rows: 0 })
      await sql`ALTER TABLE chat.cluster DROP CONSTRAINT kept`.execute(db)
      await sql`CREATE FUNCTION chat.refuse() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION 'the commit is refused'; END $$`.execute(db)
      await sql`CREATE CONSTRAINT TRIGGER refuse AFTER UPDATE ON chat.cluster DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION chat.refuse()`.execute(db)
      expect((await moved()).stderr).toContain('the commit is refused')
      await sql`DROP TRIGGER refuse ON chat.cluster`.execute(db)
      const last = await moved()
      expect(last.code, last.stderr).toBe(0)
    } finally {
      await target.close()
    }
    const kafka = { brokers: (other.env.KAFKA_BROKERS ?? '').split(',') }
    const log = {
      engine: 'full',
      namespace: other.env.NAMESPACE ?? '',
      partitions: PARTITIONS_DEFAULT,
    } as const
    const reader = await connectLogReader({ ...log, clientId: 'test', kafka }, silent)
    const ends = [...(await reader.bounds('created')).values()]
    expect(ends.reduce((sum, { end }) => sum + Number(end), 0)).toBe(3)
    expect(await reader.positions(PERSISTER_GROUP, 'created')).toEqual(new Map())
    const letters: TimedRecord[] = []
    await reader.read('deadLetters', {
      ranges: await reader.bounds('deadLetters'),
      onRecords: async (_partition, records) => {
        letters.push(...records)
      },
    })
    const { key, headers, value } = DEAD_LETTER
    expect(letters).toMatchObject([{ key, headers, value }])
    await reader.close()
  })

  test('says what is wrong with where to take it from', async () => {
    await using other = await fleetServers('full')
    await migrateNew(other)
    const empty = await newFolder()
    const from = (place: string) => command('to-full', ['--from', place], other.env)
    expect((await from(empty)).stderr).toContain('holds no embedded PostgreSQL')
    expect((await from(other.env.DATABASE_URL)).stderr).toContain('has to have the log of one Roomlog')
    expect((await command('to-full', ['--help'], {})).stdout).toContain('npm run to-full')
    expect((await command('to-full', [], {})).stderr).toContain('KAFKA_BROKERS: is required')
    await rm(empty, { recursive: true })
  })
})

/** As `npm run migrate` and `npm run topics` do. */
async function migrateNew({ env }: FleetServers): Promise<void> {
  const folder = await newFolder()
  const settings = readSettings({ PATH: process.env.PATH ?? '', ...env, ROOMLOG_DATA: folder }, ROOT)
  await prepare({
    settings,
    terminal: { step: (_title, work) => work, line: () => undefined },
    commandFolder: join(ROOT, 'scripts'),
    databaseUrl: env.DATABASE_URL,
    stop: new AbortController().signal,
  })
  await rm(folder, { recursive: true })
}

/** As an edge does while no persister runs. */
async function acceptOnly(dataFolder: string, events: readonly ReturnType<typeof message>[]): Promise<void> {
  await using stopped = await stoppedRoomlog({}, dataFolder)
  const database = connect({ url: stopped.databaseUrl, applicationName: 'test' })
  const log = await connectEventLog(
    {
      engine: 'embedded',
      namespace: '',
      partitions: PARTITIONS_DEFAULT,
      clientId: 'test',
      sessionTimeoutMs: 6000,
      database,
    },
    silent,
  )
  await log.appendAll('created', events.map(encodeCreated), new AbortController().signal)
  await log.append('deadLetters', DEAD_LETTER)
  await log.close()
  await database.close()
}

async function expectSameTables(dataFolder: string, { env }: FleetServers): Promise<void> {
  await using stopped = await stoppedRoomlog({}, dataFolder)
  const contents = async (url: string) => {
    const database = connect({ url, applicationName: 'test' })
    const found = await database.db.transaction().execute(async (trx) => {
      await prepareTransaction(trx)
      const { epoch } = await trx.selectFrom('chat.cluster').select('epoch').executeTakeFirstOrThrow()
      const of: unknown[] = [epoch]
      for (const table of TABLES) of.push([table, await contentsOf(table, trx)])
      return of
    })
    await database.close()
    return found
  }
  expect(await contents(env.DATABASE_URL)).toEqual(await contents(stopped.databaseUrl))
}
