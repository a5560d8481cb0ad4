import { type EncodedRecord, encodeCreated, HEADERS, namespaced, partitionOf, TOPICS } from '@roomlog/events'
import { newId } from '@roomlog/protocol'
import { suiteOn, type TestKafka } from '@roomlog/testkit'
import { ConfigResourceTypes, Kafka, logLevel } from 'kafkajs'
import { sql } from 'kysely'
import { pino } from 'pino'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { PARTITIONS, PATIENCE, type PersisterWorld, persisterWorld } from './running.ts'
import { bodiesOf, created, expectSoundRooms, lockWaiters, newRoom } from './support.ts'

const GOOD = 1000
const json = (value: unknown) => Buffer.from(JSON.stringify(value))
const event = (changes: Readonly<Record<string, unknown>>) => ({ ...created(newId()), ...changes })
const without = (name: string) => ({ ...event({}), [name]: undefined })
const utf8 = (body: readonly number[]) => {
  const [head = '', tail = ''] = JSON.stringify(event({ body: '~' })).split('~')
  return Buffer.concat([Buffer.from(head), Buffer.from(body), Buffer.from(tail)])
}

/** What nobody can store, and how its dead letter says why. */
const POISON: readonly (readonly [name: string, value: Buffer, reason: string])[] = [
  ['nothing', Buffer.alloc(0), 'undecodable: not JSON'],
  ['bytes', Buffer.from([0xff, 0x00, 0x7b]), 'undecodable: not UTF-8'],
  ['an overlong NUL', utf8([0xc0, 0x80]), 'undecodable: not UTF-8'],
  ['surrogates as UTF-8', utf8([0xed, 0xa0, 0x80]), 'undecodable: not UTF-8'],
  ['a character cut short', utf8([0xe2, 0x82]), 'undecodable: not UTF-8'],
  ['half of JSON', Buffer.from('{"v":1,'), 'undecodable: not JSON'],
  ['JSON twice', Buffer.from('{}{}'), 'undecodable: not JSON'],
  ['deep JSON', Buffer.from('['.repeat(100_000)), 'undecodable: not JSON'],
  ...[1, 'x', null, [], [event({})], true].map(
    (value) => [`JSON of ${JSON.stringify(value)?.slice(0, 10)}`, json(value), 'undecodable: '] as const,
  ),
  ['no version', json(without('v')), 'undecodable: v'],
  ['an older version', json(event({ v: 0 })), 'undecodable: v'],
  ['a version of text', json(event({ v: '1' })), 'undecodable: v'],
  ...['eventId', 'roomId', 'senderId', 'clientMsgId', 'body', 'acceptedAt', 'edgeId'].flatMap((name) => [
    [`no ${name}`, json(without(name)), `undecodable: ${name}`] as const,
    ...[null, 7, [], {}].map(
      (value) =>
        [`${name} ${JSON.stringify(value)}`, json(event({ [name]: value })), `undecodable: ${name}`] as const,
    ),
  ]),
  ['an empty body', json(event({ body: '' })), 'undecodable: body'],
  ['a body too long', json(event({ body: 'x'.repeat(4001) })), 'undecodable: body'],
  ['a body of 100 KB', json(event({ body: 'é'.repeat(50_000) })), 'undecodable: body'],
  ['NUL', json(event({ body: 'a\0b' })), 'undecodable: body'],
  ['a lone surrogate', json(event({ body: 'a\ud800' })), 'undecodable: body'],
  ['a room that is none', json(event({ roomId: "' OR 1=1 --" })), 'undecodable: roomId'],
  ['a time that is none', json(event({ acceptedAt: '2026-02-30T00:00:00.000Z' })), 'undecodable: acceptedAt'],
  [
    'a time before all',
    json(event({ acceptedAt: '0000-01-01T00:00:00.000Z' })),
    'unstorable: SQLSTATE 22008',
  ],
  ['a room that is not there', json(event({})), 'room_not_found'],
  ['inherited fields', Buffer.from(`{"__proto__":${JSON.stringify(event({}))}}`), 'undecodable: v'],
]

for (const [engine, kinds] of [
  ['embedded', ['postgres']],
  ['full', ['kafka', 'postgres']],
] as const) {
  suiteOn(kinds, `poison in the log of the ${engine} engine`, () => {
    let world: PersisterWorld

    beforeAll(async () => {
      world = await persisterWorld(engine)
    })
    afterEach(async () => {
      await world.stop()
      await expectSoundRooms(world.database)
    })
    afterAll(() => world[Symbol.asyncDispose]())

    const append = (records: readonly EncodedRecord[]) =>
      world.eventLog.appendAll('created', records, new AbortController().signal)
    const message = (room: string, body: string) => encodeCreated(created(room, { body }))
    /** As no build writes it. */
    const raw = (key: string, value: Buffer): EncodedRecord => ({ key, headers: { trace: key }, value })
    const bodies = (room: string) => bodiesOf(world.database, room)
    const publishedIn = (room: string) =>
      world.persisted.filter(({ key, headers }) => key === room && HEADERS.seq in headers)
    const lettersOf = (room: string) => world.deadLetters.filter(({ key }) => key === room)
    const metrics = async (app: { inject: (o: { url: string }) => Promise<{ body: string }> }) =>
      (await app.inject({ url: '/metrics' })).body

    test(`of ${1 + POISON.length} kinds is dead-lettered, and the ${GOOD} good ones around it are stored in order`, async () => {
      const room = await newRoom(world.database)
      const good = Array.from({ length: GOOD }, (_, i) => `good ${i}`)
      const each = Math.floor(GOOD / POISON.length)
      const records = good.flatMap((body, i) => {
        const [, value] = i % each === 0 ? (POISON[i / each] ?? []) : []
        return value === undefined ? [message(room, body)] : [raw(room, value), message(room, body)]
      })
      // Fields that a later build adds are none.
      records.push(raw(room, json({ ...created(room, { body: 'later' }), replyTo: newId(), tags: [] })))
      await appendTombstone(world, room)
      await append(records)
      await world.start()
      await expect.poll(() => publishedIn(room).length, PATIENCE).toBe(GOOD + 1)
      expect(await bodies(room)).toEqual([...good, 'later'])
      await expect.poll(() => lettersOf(room).length, PATIENCE).toBe(1 + POISON.length)
      const at = (it: { readonly headers: Readonly<Record<string, string>> }) =>
        Number(it.headers[HEADERS.originOffset])
      const letters = lettersOf(room).toSorted((a, b) => at(a) - at(b))
      expect(letters.shift()?.headers[HEADERS.reason]).toBe('undecodable: tombstone')
      for (const [i, [name, value, reason]] of POISON.entries()) {
        expect([name, letters[i]?.value]).toEqual([name, value])
        expect([name, letters[i]?.headers[HEADERS.reason]]).toEqual([
          name,
          expect.stringMatching(`^${reason}`),
        ])
        expect(letters[i]?.headers.trace).toBe(room)
      }
    })

    test('blocks its partition while no dead letter can be written, and is not skipped', async () => {
      const room = await newRoom(world.database)
      const lines: string[] = []
      await using away = await lettersAway(world)
      await append([raw(room, Buffer.from('{')), message(room, 'behind')])
      await world.start({ log: pino({ level: 'warn' }, { write: (line: string) => void lines.push(line) }) })
      await expect.poll(() => bodies(room), PATIENCE).toEqual(['behind'])
      const wasTried = async () =>
        engine === 'full'
          ? lines.join().includes('max message size')
          : (await lockWaiters(world.database)) > 0
      await expect.poll(wasTried, PATIENCE).toBe(true)
      await append([message(room, 'later')])
      // Whatever had been told of the room before stands before this.
      const witness = raw(room, Buffer.from('witness'))
      await world.eventLog.append('persisted', witness)
      await expect
        .poll(() => world.persisted.some(({ value }) => value?.equals(witness.value)), PATIENCE)
        .toBe(true)
      expect([...publishedIn(room), ...lettersOf(room)]).toEqual([])
      await away[Symbol.asyncDispose]()
      await expect.poll(() => publishedIn(room).length, PATIENCE).toBe(2)
      expect(await bodies(room)).toEqual(['behind', 'later'])
      expect(lettersOf(room)).toHaveLength(1)
    })

    // The last one: what is newer stays in the log.
    test('that a newer build wrote pauses its partition, with an alarm, and is no poison', async () => {
      const room = await newRoom(world.database)
      const app = await world.start()
      const newer = json({ ...created(room), v: 2, body: { text: 'of a newer build' } })
      await append([message(room, 'before'), raw(room, newer), message(room, 'behind')])
      await expect.poll(() => metrics(app), PATIENCE).toContain('roomlog_persister_paused_partitions 1\n')
      await expect.poll(() => publishedIn(room).length, PATIENCE).toBe(1)
      expect(await bodies(room)).toEqual(['before'])
      expect(lettersOf(room)).toEqual([])
    })
  })
}

/** Which only Kafka's own clients write. */
async function appendTombstone(
  { broker, config, database, eventLog }: PersisterWorld,
  key: string,
): Promise<void> {
  const topic = namespaced(config.eventLog.namespace, TOPICS.created.name)
  if (broker === undefined) {
    await eventLog.append('created', { key, headers: {}, value: Buffer.from('tombstone') })
    await sql`UPDATE engine.log_records SET value = NULL WHERE topic = ${topic} AND key = ${key}`.execute(
      database.admin.db,
    )
    return
  }
  const producer = clientOf(broker).producer()
  await producer.connect()
  await producer.send({ topic, messages: [{ key, value: null, partition: partitionOf(key, PARTITIONS) }] })
  await producer.disconnect()
}

function clientOf({ brokers }: TestKafka): Kafka {
  return new Kafka({ brokers: [...brokers], logLevel: logLevel.NOTHING })
}

/** Until it is disposed of nobody can append to the topic of dead letters. */
async function lettersAway({ broker, config, database }: PersisterWorld): Promise<AsyncDisposable> {
  const topic = namespaced(config.eventLog.namespace, TOPICS.deadLetters.name)
  if (broker === undefined) {
    const held = Promise.withResolvers<void>()
    const locked = Promise.withResolvers<void>()
    const transaction = database.admin.db.transaction().execute(async (trx) => {
      await sql`SELECT FROM engine.log_heads WHERE topic = ${topic} FOR UPDATE`.execute(trx)
      locked.resolve()
      await held.promise
    })
    await locked.promise
    return {
      [Symbol.asyncDispose]: () => {
        held.resolve()
        return transaction
      },
    }
  }
  const admin = clientOf(broker).admin()
  await admin.connect()
  // Nothing is as small as what it takes then.
  const takeUpTo = (bytes: string) =>
    admin.alterConfigs({
      validateOnly: false,
      resources: [
        {
          type: ConfigResourceTypes.TOPIC,
          name: topic,
          configEntries: [{ name: 'max.message.bytes', value: bytes }],
        },
      ],
    })
  await takeUpTo('1')
  const back = new AsyncDisposableStack()
  back.defer(() => admin.disconnect())
  back.defer(() => takeUpTo('1048588').then(() => undefined))
  return back
}
