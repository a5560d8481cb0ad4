import { ROLES } from '@roomlog/db'
import { connectEventLog, createTopics, type EventLog, type LogRecord } from '@roomlog/event-log'
import { encodeCreated, HEADERS, messagePersistedSchema, partitionOf, type Topic } from '@roomlog/events'
import { type Message, newId } from '@roomlog/protocol'
import {
  type DependencyKind,
  type FaultProxy,
  faultProxy,
  kafka,
  suiteOn,
  type TestKafka,
} from '@roomlog/testkit'
import type { FastifyInstance } from 'fastify'
import { sql } from 'kysely'
import { pino } from 'pino'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { buildApp, type Overrides } from '../src/app.ts'
import { type Config, parseConfig } from '../src/config.ts'
import {
  bodiesOf,
  created,
  expectSoundRooms,
  newRoom,
  newRooms,
  type TestDatabase,
  testDatabase,
} from './support.ts'

const PARTITIONS = 3
const PATIENCE = { timeout: 20_000 }
const silent = pino({ level: 'silent' })

suiteOnEngine('embedded', ['postgres'])
suiteOnEngine('full', ['kafka', 'postgres'])

function suiteOnEngine(engine: 'embedded' | 'full', kinds: readonly DependencyKind[]): void {
  suiteOn(kinds, `the persister on the ${engine} engine`, () => {
    let database: TestDatabase
    let broker: TestKafka | undefined
    let proxy: FaultProxy
    let config: Config
    /** The tests' own, past the proxy. */
    let eventLog: EventLog
    let persisted: LogRecord[]
    let deadLetters: LogRecord[]
    const running: FastifyInstance[] = []

    beforeAll(async () => {
      database = await testDatabase()
      proxy = await faultProxy(database.url)
      broker = engine === 'full' ? await kafka() : undefined
      config = parseConfig({
        ENGINE: engine,
        DATABASE_URL: proxy.url,
        DATABASE_ROLE: ROLES.persister,
        KAFKA_BROKERS: broker?.brokers.join(','),
        NAMESPACE: broker?.namespace,
        PARTITIONS: String(PARTITIONS),
        PORT: '0',
        LOG_LEVEL: 'silent',
      })
      const direct = { ...config.eventLog, database: database.admin }
      await createTopics({ ...direct, replicationFactor: 1 }, silent)
      eventLog = await connectEventLog({ ...direct, clientId: 'test', sessionTimeoutMs: 10_000 }, silent)
      persisted = await follow('persisted')
      deadLetters = await follow('deadLetters')
    })
    afterEach(async () => {
      proxy.heal()
      for (const app of running.splice(0)) await app.close()
      await expectSoundRooms(database)
    })
    afterAll(async () => {
      await eventLog.close()
      await proxy[Symbol.asyncDispose]()
      await broker?.[Symbol.asyncDispose]()
      await database[Symbol.asyncDispose]()
    })

    async function start(overrides: Overrides = {}, changed: Partial<Config> = {}): Promise<FastifyInstance> {
      const onFatal = (error: Error) => expect.fail(String(error.cause))
      const app = await buildApp({ ...config, ...changed }, { log: silent, onFatal, ...overrides })
      running.push(app)
      await app.listen({ host: config.host, port: config.port })
      return app
    }

    /** All that a topic has and gets, as it comes. */
    async function follow(topic: Topic): Promise<LogRecord[]> {
      const found: LogRecord[] = []
      const subscription = await eventLog.subscribe({
        topic,
        group: `test-${newId()}`,
        from: 'beginning',
        maxRecords: 500,
        commitIntervalMs: 1000,
        onBatch: async ({ records }) => {
          found.push(...records)
          return undefined
        },
        onFatal: (error) => expect.fail(error.message),
      })
      await subscription.caughtUp
      return found
    }

    const send = (roomId: string, bodies: readonly string[]) =>
      eventLog.appendAll(
        'created',
        bodies.map((body) => encodeCreated(created(roomId, { body }))),
        new AbortController().signal,
      )

    const publishedIn = (roomId: string): readonly Message[] =>
      persisted
        .filter(({ key, headers }) => key === roomId && headers[HEADERS.seq] !== undefined)
        .map(({ value }) => messagePersistedSchema.parse(JSON.parse(String(value))).message)

    /** Every body once, at the seq of its place: what readers keep when they drop what they have. */
    async function expectSeen(roomId: string, bodies: readonly string[]): Promise<void> {
      await expect
        .poll(() => {
          const seen = new Map(publishedIn(roomId).map(({ seq, body }) => [seq, body]))
          return [...seen].toSorted(([a], [b]) => a - b)
        }, PATIENCE)
        .toEqual(bodies.map((body, i) => [i + 1, body]))
      expect(await bodiesOf(database, roomId)).toEqual(bodies)
    }

    const status = async (app: FastifyInstance, url: string) => (await app.inject({ url })).statusCode
    const ready = (app: FastifyInstance) => expect.poll(() => status(app, '/readyz'), PATIENCE).toBe(200)
    const numbered = (name: string, count: number) => Array.from({ length: count }, (_, i) => `${name} ${i}`)

    test('stores and publishes rooms in order, and dead-letters the poison among them', async () => {
      const rooms = await newRooms(database, 6)
      const bodies = numbered('message', 150)
      const poison = { headers: { trace: 'kept' }, value: Buffer.from([0xff, 0x00, 0x7b]) }
      const app = await start()
      await Promise.all([
        ...rooms.map((room) => send(room, bodies)),
        ...rooms.map((key) => eventLog.append('created', { key, ...poison })),
      ])
      for (const room of rooms) await expectSeen(room, bodies)
      await expect.poll(() => deadLetters.length, PATIENCE).toBe(rooms.length)
      expect(deadLetters.map(({ key }) => key).toSorted()).toEqual(rooms.toSorted())
      for (const letter of deadLetters) {
        expect(letter.value).toEqual(poison.value)
        expect(letter.headers).toMatchObject({
          trace: 'kept',
          [HEADERS.reason]: 'undecodable: not UTF-8',
          [HEADERS.originTopic]: 'chat.messages.v1',
          [HEADERS.originPartition]: expect.stringMatching(/^[0-2]$/),
          [HEADERS.originOffset]: expect.stringMatching(/^[0-9]+$/),
        })
      }
      const member = '{group="chat-persistor"}'
      const expectedFigures = [
        `roomlog_consumer_lag_records${member} 0`,
        `roomlog_consumer_partitions${member} 3`,
        `roomlog_consumer_oldest_seconds${member} 0`,
        `roomlog_persister_messages_stored_total ${rooms.length * bodies.length}`,
        `acked_but_dead_total ${rooms.length}`,
      ]
      // Counted after they are published, and Kafka's member asks for its lag every now and then.
      const missing = async () => {
        const lines = new Set((await app.inject({ url: '/metrics' })).body.split('\n'))
        return expectedFigures.filter((figure) => !lines.has(figure))
      }
      await expect.poll(missing, PATIENCE).toEqual([])
    })

    test('says what it depends on', async () => {
      const app = await start()
      await ready(app)
      const health = await app.inject({ url: '/health' })
      expect(health.json()).toEqual({
        status: 'ok',
        checks: engine === 'full' ? { database: 'ok', kafka: 'ok' } : { database: 'ok' },
      })
      proxy.cut()
      const failing = await app.inject({ url: '/health' })
      expect(failing.statusCode).toBe(503)
      expect(failing.json()).toMatchObject({ checks: { database: 'failing' } })
      expect(await status(app, '/readyz')).toBe(503)
      expect(await status(app, '/livez')).toBe(200)
      proxy.heal()
      await ready(app)
    })

    test('starts before its database, and becomes ready with it', async () => {
      const room = await newRoom(database)
      await send(room, ['before'])
      proxy.cut()
      const app = await start()
      expect(await status(app, '/livez')).toBe(200)
      expect(await status(app, '/readyz')).toBe(503)
      proxy.heal()
      await ready(app)
      await expectSeen(room, ['before'])
    })

    test('drains what came while its database was down', async () => {
      const room = await newRoom(database)
      const bodies = numbered('message', 2000)
      const app = await start()
      await ready(app)
      await send(room, bodies.slice(0, 500))
      await expect.poll(() => publishedIn(room).length, PATIENCE).toBeGreaterThan(0)
      const sent = send(room, bodies.slice(500))
      proxy.cut()
      await sent
      expect(await status(app, '/livez')).toBe(200)
      proxy.heal()
      await expectSeen(room, bodies)
      expect((await app.inject({ url: '/metrics' })).body).toContain('acked_but_dead_total 0\n')
    })

    test('goes on where the one before it was stopped', async () => {
      const room = await newRoom(database)
      const bodies = numbered('message', 1500)
      const first = await start()
      await send(room, bodies.slice(0, 800))
      await expect.poll(async () => (await bodiesOf(database, room)).length, PATIENCE).toBeGreaterThan(0)
      await first.close()
      await send(room, bodies.slice(800))
      await start()
      await expectSeen(room, bodies)
    })

    test('shares the work with a second one, and takes it over', async () => {
      const rooms = await newRooms(database, 9)
      const bodies = numbered('message', 200)
      const [first] = await Promise.all([start(), start()])
      const sending = rooms.map((room) => send(room, bodies))
      await expect.poll(() => publishedIn(rooms[0] ?? '').length, PATIENCE).toBeGreaterThan(0)
      await first.close()
      await Promise.all(sending)
      for (const room of rooms) await expectSeen(room, bodies)
    })

    test('a room that cannot be numbered holds up its own partition only', async () => {
      const rooms = await newRooms(database, 30)
      const [broken = ''] = rooms
      const elsewhere = (room: string) => partitionOf(room, PARTITIONS) !== partitionOf(broken, PARTITIONS)
      const sound = rooms.find(elsewhere) ?? ''
      const setHead = (seq: number) =>
        sql`UPDATE chat.rooms SET last_seq = ${seq} WHERE id = ${broken}`.execute(database.admin.db)
      const app = await start()
      await send(broken, ['first'])
      await expectSeen(broken, ['first'])
      await setHead(0)
      await send(broken, ['second'])
      const metrics = async () => (await app.inject({ url: '/metrics' })).body
      await expect.poll(metrics, PATIENCE).toContain('store_retries_total{kind="conflict"}')
      await send(sound, ['heard'])
      await expectSeen(sound, ['heard'])
      await setHead(1)
      await expectSeen(broken, ['first', 'second'])
    })

    test('stops although its database is away', async () => {
      const room = await newRoom(database)
      const app = await start()
      await ready(app)
      proxy.cut()
      await send(room, ['held'])
      await app.close()
      proxy.heal()
      await start()
      await expectSeen(room, ['held'])
    })

    test('gives up at once where the topics have another number of partitions', async () => {
      const { promise, resolve: onFatal } = Promise.withResolvers<Error>()
      await start({ onFatal }, { eventLog: { ...config.eventLog, partitions: PARTITIONS + 1 } })
      expect((await promise).cause).toMatchObject({ code: 'partition_mismatch' })
    })
  })
}
