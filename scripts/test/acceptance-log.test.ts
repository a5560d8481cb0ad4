import type { LogRecord } from '@roomlog/event-log'
import {
  HEADERS,
  messageCreatedSchema,
  messagePersistedSchema,
  messageRejectedSchema,
  PERSISTER_GROUP,
  type Topic,
} from '@roomlog/events'
import { BODY, follow, suiteOn, type TestClient } from '@roomlog/testkit'
import { type KafkaRelay, kafkaRelay } from '@roomlog/testkit/proof'
import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  type Json,
  PATIENCE,
  partitionOfRoom,
  rowsOf,
  type Somebody,
  send,
  startWorld,
  upTo,
  type World,
} from './acceptance-world.ts'
import { ENGINES } from './running-roomlog.ts'

for (const engine of ENGINES) {
  suiteOn(engine.needs, `acceptance of the log and the persister, on the ${engine.name} engine`, () => {
    const resources = new AsyncDisposableStack()
    let world: World
    let relay: KafkaRelay | undefined
    let ada: Somebody
    let client: TestClient
    const records: Record<Topic, readonly LogRecord[]> = { created: [], persisted: [], deadLetters: [] }

    beforeAll(async () => {
      const throughRelay = async ({ KAFKA_BROKERS }: World['env']) => {
        relay = resources.use(await kafkaRelay(KAFKA_BROKERS?.split(',') ?? []))
        return { KAFKA_BROKERS: relay.brokers.join() }
      }
      world = resources.use(await startWorld(engine, engine.name === 'full' ? { change: throughRelay } : {}))
      for (const topic of ['created', 'persisted', 'deadLetters'] as const)
        records[topic] = await follow(world.eventLog, topic)
      ada = await world.register('ada')
      client = resources.use(await ada.connect())
    })
    afterAll(() => resources.disposeAsync())

    const of = (topic: Topic, roomId: string) => records[topic].filter(({ key }) => key === roomId)
    const valuesOf = (topic: Topic, roomId: string): readonly Json[] =>
      of(topic, roomId).map(({ value }) => JSON.parse(String(value)))
    const persistedSeqs = (roomId: string) =>
      of('persisted', roomId).map(({ headers }) => Number(headers[HEADERS.seq]))
    const bodiesOf = async (roomId: string) => (await rowsOf(world, roomId)).map(({ body }) => body)
    const end = (topic: Topic, roomId: string) => world.positions.end(topic, partitionOfRoom(roomId))

    /** Sends, and waits until what became of it is heard here in both topics. */
    async function say(roomId: string, ...bodies: readonly string[]): Promise<void> {
      for (const body of bodies) await send(client, roomId, body)
      const last = bodies.at(-1)
      const heard = () =>
        valuesOf('created', roomId).some(({ body }) => body === last) &&
        valuesOf('persisted', roomId).some(({ message }) => message?.body === last)
      await expect.poll(heard, PATIENCE).toBe(true)
    }

    /** The persister stops, its group is put back to where the room's first record stands, and it starts again. */
    async function redeliver(roomId: string): Promise<void> {
      const [partition, first] = [partitionOfRoom(roomId), of('created', roomId)[0]?.offset]
      using stopped = await world.stopService('persister')
      await stopped.ended
      const committed = () => world.positions.committed(PERSISTER_GROUP, 'created', partition)
      expect(await committed()).toBe(await end('created', roomId))
      await world.positions.move(PERSISTER_GROUP, 'created', partition, Number(first))
      expect(await committed()).toBe(Number(first))
      await stopped.again()
      await expect.poll(committed, PATIENCE).toBe(await end('created', roomId))
    }

    test('ACCEPTED is returned with the same clientMsgId after the record is in the topic', async () => {
      const roomId = await ada.newRoom()
      const [before, clientMsgId] = [await end('created', roomId), crypto.randomUUID()]
      const ack = await send(client, roomId, BODY, { clientMsgId })
      expect(await end('created', roomId)).toBe(before + 1)
      expect(ack).toEqual({ type: 'ack', roomId, clientMsgId, status: 'ACCEPTED' })
      await expect.poll(() => of('created', roomId).length, PATIENCE).toBe(1)
      expect(of('created', roomId)[0]?.offset).toBe(BigInt(before))
      expect(valuesOf('created', roomId)).toMatchObject([
        { roomId, senderId: ada.id, clientMsgId, body: BODY },
      ])
    })

    test('event schemas are checked', async () => {
      const roomId = await ada.newRoom()
      const bad = await send(client, roomId, 'nul \0')
      expect(bad).toMatchObject({ status: 'FAILED', code: 'validation_failed', retryable: false })
      await say(roomId, 'good')
      await send(client, roomId, 'another', {
        clientMsgId: String(valuesOf('created', roomId)[0]?.clientMsgId),
      })
      await expect.poll(() => of('persisted', roomId).length, PATIENCE).toBe(2)
      for (const value of valuesOf('created', roomId)) messageCreatedSchema.parse(value)
      const [persisted, rejected] = valuesOf('persisted', roomId)
      messagePersistedSchema.parse(persisted)
      messageRejectedSchema.parse(rejected)

      // What is written past the edges is not believed: it goes to the dead letters as it is, and nothing is stored.
      const [sound = {}] = valuesOf('created', roomId)
      const unsound = [{ ...sound, body: '' }, { ...sound, senderId: 7 }, { ...sound, acceptedAt: 'now' }, {}]
      for (const event of unsound) {
        const record = { key: roomId, headers: {}, value: Buffer.from(JSON.stringify(event)) }
        await world.eventLog.append('created', record)
      }
      await say(roomId, 'after')
      await expect.poll(() => of('deadLetters', roomId).length, PATIENCE).toBe(unsound.length)
      expect(valuesOf('deadLetters', roomId)).toEqual(unsound)
      for (const { headers } of of('deadLetters', roomId))
        expect(headers[HEADERS.reason]).toContain('undecodable')
      expect(await bodiesOf(roomId)).toEqual(['good', 'after'])
    })

    test('the consumer writes the row', async () => {
      const roomId = await ada.newRoom()
      await say(roomId, BODY)
      const [{ message } = {}] = valuesOf('persisted', roomId)
      const [{ acceptedAt, clientMsgId } = {}] = valuesOf('created', roomId)
      expect(await rowsOf(world, roomId)).toEqual([
        {
          id: message.id,
          room_id: roomId,
          seq: 1,
          sender_id: ada.id,
          client_msg_id: clientMsgId,
          body: BODY,
          created_at: new Date(acceptedAt),
          source_partition: partitionOfRoom(roomId),
          source_offset: Number(of('created', roomId)[0]?.offset),
        },
      ])
    })

    test('same clientMsgId → one row', async () => {
      const roomId = await ada.newRoom()
      const clientMsgId = crypto.randomUUID()
      for (const repeat of [false, false, true]) {
        const ack = await send(client, roomId, 'once', { clientMsgId, repeat })
        expect(ack).toMatchObject({ clientMsgId, status: 'ACCEPTED' })
      }
      await say(roomId, 'after')
      // The last of them was answered without a record if it was stored by then.
      expect(
        valuesOf('created', roomId).filter((event) => event.clientMsgId === clientMsgId).length,
      ).toBeGreaterThan(1)
      expect(await bodiesOf(roomId)).toEqual(['once', 'after'])
    })

    test('rooms.lastMessage is moved in the same transaction', async () => {
      const roomId = await ada.newRoom()
      for (const n of upTo(3)) {
        await say(roomId, `${BODY} ${n}`)
        // PostgreSQL notes in each version of a row which transaction made it.
        const { rows } = await sql<Json>`
          SELECT r.xmin = m.xmin AS "isSame", r.last_seq AS seq, r.last_message_at = m.created_at AS "isDated"
          FROM chat.rooms r JOIN chat.messages m ON m.room_id = r.id AND m.id = r.last_message_id
          WHERE r.id = ${roomId}`.execute(world.database.db)
        expect(rows).toEqual([{ isSame: true, seq: n, isDated: true }])
      }
      const { room } = (await ada.call('GET', `/rooms/${roomId}`)).body
      expect(room).toMatchObject({ lastSeq: 3, lastMessage: { seq: 3, body: `${BODY} 3` } })
    })

    test('persister restart reprocesses without duplicates', async () => {
      const roomId = await ada.newRoom()
      const bodies = upTo(10).map((n) => `${BODY} ${n}`)
      await say(roomId, ...bodies)
      const before = await rowsOf(world, roomId)
      await redeliver(roomId)
      expect(await rowsOf(world, roomId)).toEqual(before)
      await say(roomId, 'after')
      expect(await bodiesOf(roomId)).toEqual([...bodies, 'after'])
    })

    test("a persisted event only for stored messages, and none for a client's repeat; a redelivered record publishes its stored message again", async () => {
      const roomId = await ada.newRoom()
      const clientMsgId = crypto.randomUUID()
      await say(roomId, 'first')
      for (const body of ['once', 'once', 'another body']) await send(client, roomId, body, { clientMsgId })
      await say(roomId, 'last')
      const messages = () => valuesOf('persisted', roomId).filter(({ message }) => message !== undefined)
      const rejections = () => valuesOf('persisted', roomId).filter(({ code }) => code !== undefined)
      expect(of('created', roomId)).toHaveLength(5)
      expect(messages().map(({ message }) => message.body)).toEqual(['first', 'once', 'last'])
      expect(rejections()).toMatchObject([{ clientMsgId, code: 'client_msg_id_reused' }])
      const stored = (await rowsOf(world, roomId)).map(({ id, seq }) => [seq, id])
      const published = () => messages().map(({ message }) => [message.seq, message.id])
      expect(published()).toEqual(stored)

      await redeliver(roomId)
      await say(roomId, 'after')
      expect(published().slice(0, -1)).toEqual([...stored, ...stored])
      expect(persistedSeqs(roomId).at(-1)).toBe(4)
      expect(await bodiesOf(roomId)).toEqual(['first', 'once', 'last', 'after'])
    })

    if (engine.name === 'full') {
      // A broker does not tell what its clients asked for, and one that is alone gives the same answer to acks 1 and -1
      // (min.insync.replicas counts for no more than the replicas there are). So the services' requests are read on
      // their way.
      test('producer acks = −1', async () => {
        await say(await ada.newRoom(), 'written by all replicas')
        const produced = relay?.produced ?? []
        for (const service of [/^roomlog-edge-/, /^roomlog-persister-/])
          expect(produced.filter(({ clientId }) => service.test(clientId))).not.toEqual([])
        expect(new Set(produced.map(({ acks }) => acks))).toEqual(new Set([-1]))
      })
    } else {
      // What acks = −1 is to Kafka, is to PostgreSQL a commit that waits for its disk and for the standbys it was told to
      // wait for: with one that never comes there must be no ACCEPTED. The last test: subscriptions lose their leases
      // meanwhile, and may hear again what they heard.
      test('producer acks = −1', async () => {
        const roomId = await ada.newRoom()
        await say(roomId, 'before')
        const [before, clientMsgId] = [await end('created', roomId), crypto.randomUUID()]
        const { db } = world.database
        const set = async (standbys: string) => {
          await sql`ALTER SYSTEM SET synchronous_standby_names = ${sql.lit(standbys)}`.execute(db)
          await sql`SELECT pg_reload_conf()`.execute(db)
        }
        const waiting = async () =>
          (await sql`SELECT 1 FROM pg_stat_activity WHERE wait_event = 'SyncRep'`.execute(db)).rows.length
        try {
          await set('nobody')
          await expect.poll(waiting, PATIENCE).toBeGreaterThan(0)
          expect(await send(client, roomId, 'once', { clientMsgId })).toMatchObject({
            status: 'FAILED',
            code: 'unavailable',
            retryable: true,
          })
          expect(await end('created', roomId)).toBe(before)
        } finally {
          await set('')
        }
        const { rows } = await sql`SHOW fsync`.execute(db)
        expect(rows).toEqual([{ fsync: 'on' }])
        // Its outcome was unknown: it may appear by itself, and does not appear twice.
        const again = () => send(client, roomId, 'once', { clientMsgId, repeat: true })
        await expect.poll(async () => (await again()).status, PATIENCE).toBe('ACCEPTED')
        await say(roomId, 'after')
        expect(await bodiesOf(roomId)).toEqual(['before', 'once', 'after'])
      })
    }
  })
}
