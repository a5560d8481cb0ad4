import { encodeCreated, HEADERS, messagePersistedSchema, partitionOf } from '@roomlog/events'
import type { Message } from '@roomlog/protocol'
import { BODY, type DependencyKind, type FaultProxy, suiteOn } from '@roomlog/testkit'
import type { FastifyInstance } from 'fastify'
import { sql } from 'kysely'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { PARTITIONS, PATIENCE, type PersisterWorld, persisterWorld } from './running.ts'
import { bodiesOf, created, expectSoundRooms, newRoom, newRooms, type TestDatabase } from './support.ts'

suiteOnEngine('embedded', ['postgres'])
suiteOnEngine('full', ['kafka', 'postgres'])

function suiteOnEngine(engine: 'embedded' | 'full', kinds: readonly DependencyKind[]): void {
  suiteOn(kinds, `the persister on the ${engine} engine`, () => {
    let world: PersisterWorld
    let database: TestDatabase
    let proxy: FaultProxy

    beforeAll(async () => {
      world = await persisterWorld(engine)
      ;({ database, proxy } = world)
    })
    afterEach(async () => {
      proxy.heal()
      await world.stop()
      await expectSoundRooms(database)
    })
    afterAll(() => world[Symbol.asyncDispose]())

    const start: PersisterWorld['start'] = (...args) => world.start(...args)

    const send = (roomId: string, bodies: readonly string[]) =>
      world.eventLog.appendAll(
        'created',
        bodies.map((body) => encodeCreated(created(roomId, { body }))),
        new AbortController().signal,
      )

    const publishedIn = (roomId: string): readonly Message[] =>
      world.persisted
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
      const bodies = numbered(BODY, 150)
      const poison = { headers: { trace: 'kept' }, value: Buffer.from([0xff, 0x00, 0x7b]) }
      const app = await start()
      await Promise.all([
        ...rooms.map((room) => send(room, bodies)),
        ...rooms.map((key) => world.eventLog.append('created', { key, ...poison })),
      ])
      for (const room of rooms) await expectSeen(room, bodies)
      await expect.poll(() => world.deadLetters.length, PATIENCE).toBe(rooms.length)
      expect(world.deadLetters.map(({ key }) => key).toSorted()).toEqual(rooms.toSorted())
      for (const letter of world.deadLetters) {
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
      const bodies = numbered(BODY, 2000)
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
      const bodies = numbered(BODY, 1500)
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
      const bodies = numbered(BODY, 200)
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
      await start({ onFatal }, { eventLog: { ...world.config.eventLog, partitions: PARTITIONS + 1 } })
      expect((await promise).cause).toMatchObject({ code: 'partition_mismatch' })
    })
  })
}
