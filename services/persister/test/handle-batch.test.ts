import { type EventLog, type LogRecord, MemoryLog } from '@roomlog/event-log'
import { HEADERS } from '@roomlog/events'
import { newId } from '@roomlog/protocol'
import { BODY, suiteOn } from '@roomlog/testkit'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { PARTITION, published, readAll, silent, type TestHandler, testHandler } from './handler.ts'
import {
  bodiesOf,
  candidate,
  created,
  expectSoundRooms,
  newRoom,
  recordOf,
  SENDER,
  type TestDatabase,
  testDatabase,
} from './support.ts'

suiteOn(['postgres'], 'handling a batch', () => {
  let database: TestDatabase
  let memory: MemoryLog
  let eventLog: EventLog
  let subject: TestHandler

  beforeAll(async () => {
    database = await testDatabase()
  })
  beforeEach(async () => {
    memory = new MemoryLog(1)
    eventLog = await memory.open({ clientId: 'test' }, silent)
    subject = testHandler(database.persister, eventLog)
  })
  afterEach(async () => {
    await eventLog.close()
    await expectSoundRooms(database)
  })
  afterAll(() => database[Symbol.asyncDispose]())

  const record = (...args: Parameters<typeof candidate>) => candidate(...args).record

  test('stores and publishes in the order of the log', async () => {
    const room = await newRoom(database)
    const bodies = Array.from({ length: 500 }, (_, i) => `${BODY} ${i}`)
    const records = bodies.map((body, i) => record(created(room, { body }), i))
    expect(await subject.handle(records)).toBe(500)
    expect(await bodiesOf(database, room)).toEqual(bodies)
    expect(await published(memory)).toEqual(bodies)
    const seqs = (await readAll(memory, 'persisted')).map(({ headers, key }) => [key, headers[HEADERS.seq]])
    expect(seqs).toEqual(bodies.map((_, i) => [room, String(i + 1)]))
    expect(await subject.metric('roomlog_persister_messages_stored_total')).toBe(500)
    expect(await subject.metric('acked_but_dead_total')).toBe(0)
    expect(await subject.metric('roomlog_persister_accepted_to_persisted_seconds_count')).toBe(500)
    expect(await subject.metric('roomlog_persister_batch_records_sum')).toBe(500)
  })

  test('publishes nothing for repeats, and rejects a reused clientMsgId', async () => {
    const room = await newRoom(database)
    const first = created(room, { body: 'first' })
    const events = [first, first, { ...first, body: 'other' }]
    await subject.handle(events.map((event, i) => record(event, i)))
    expect(await published(memory)).toEqual(['first', 'client_msg_id_reused'])
    const rejection = (await readAll(memory, 'persisted'))[1]
    expect(rejection).toMatchObject({ key: room, headers: { [HEADERS.to]: SENDER } })
    expect(await subject.metric('roomlog_persister_messages_duplicate_total')).toBe(1)
    const rejected = 'roomlog_persister_messages_rejected_total{code="client_msg_id_reused"}'
    expect(await subject.metric(rejected)).toBe(1)
    expect(await readAll(memory, 'deadLetters')).toEqual([])
  })

  test('dead-letters poison and stores the good around it', async () => {
    const room = await newRoom(database)
    const json = (value: unknown) => Buffer.from(JSON.stringify(value))
    const poison: readonly (readonly [Buffer | null, string, string | undefined])[] = [
      [null, 'undecodable: tombstone', undefined],
      [Buffer.from([0xff, 0xfe]), 'undecodable: not UTF-8', undefined],
      [json({ ...created(room), body: 'a\0b' }), 'undecodable: body', 'validation_failed'],
      // A time that the schema takes and PostgreSQL does not.
      [
        json(created(room, { acceptedAt: '0000-01-01T00:00:00.000Z' })),
        'unstorable: 22008',
        'validation_failed',
      ],
      [json(created(newId())), 'room_not_found', 'room_not_found'],
    ]
    const records = poison.flatMap(([value], i) => [
      record(created(room, { body: `good ${i}` }), 2 * i),
      recordOf(value, 2 * i + 1, `key ${i}`),
    ])
    expect(await subject.handle(records)).toBe(records.length)

    const good = poison.map((_, i) => `good ${i}`)
    expect(await bodiesOf(database, room)).toEqual(good)
    expect((await published(memory)).filter((body) => body.startsWith('good'))).toEqual(good)
    const rejections = (await published(memory)).filter((body) => !body.startsWith('good'))
    expect(rejections.toSorted()).toEqual(poison.flatMap(([, , code]) => code ?? []).toSorted())

    const letters = (await readAll(memory, 'deadLetters')).toSorted(
      (a, b) => Number(originOf(a)) - Number(originOf(b)),
    )
    expect(letters).toHaveLength(poison.length)
    for (const [i, [value, reason]] of poison.entries()) {
      expect(letters[i]).toMatchObject({
        key: `key ${i}`,
        value: value ?? Buffer.alloc(0),
        headers: {
          [HEADERS.reason]: expect.stringMatching(`^${reason.replace('22008', 'SQLSTATE 22008')}`),
          [HEADERS.originTopic]: 'chat.messages.v1',
          [HEADERS.originPartition]: String(PARTITION),
          [HEADERS.originOffset]: String(2 * i + 1),
        },
      })
    }
    expect(await subject.metric('acked_but_dead_total')).toBe(5)
    expect(await subject.metric('roomlog_persister_dead_letters_total{reason="undecodable"}')).toBe(3)
    expect(subject.lines.join('')).not.toContain(BODY)
  })

  test('goes as far as a newer version, says so once, and goes on when it can read it', async () => {
    const room = await newRoom(database)
    const newer = recordOf(Buffer.from(JSON.stringify({ ...created(room), v: 2 })), 2)
    const records = [record(created(room), 0), record(created(room), 1), newer, record(created(room), 3)]
    expect(await subject.handle(records)).toBe(2)
    for (let i = 0; i < 3; i += 1) expect(await subject.handle(records.slice(2))).toBe(0)
    expect(await bodiesOf(database, room)).toHaveLength(2)
    expect(await readAll(memory, 'deadLetters')).toEqual([])
    expect(subject.levels().filter((level) => level === 50)).toHaveLength(1)
    expect(await subject.metric('roomlog_persister_paused_partitions')).toBe(1)
    await subject.handle([record(created(room), 2)])
    expect(await subject.metric('roomlog_persister_paused_partitions')).toBe(0)
  })

  test('publishes a stored batch that died before it was published, as it was stored', async () => {
    const room = await newRoom(database)
    const first = created(room, { body: 'first' })
    const records = [record(first, 0), record(first, 1), record(created(room, { body: 'second' }), 2)]
    await eventLog.close()
    await expect(subject.handle(records)).rejects.toThrow()
    expect(await bodiesOf(database, room)).toEqual(['first', 'second'])
    expect(await published(memory)).toEqual([])

    eventLog = await memory.open({ clientId: 'test' }, silent)
    subject = testHandler(database.persister, eventLog)
    expect(await subject.handle(records)).toBe(3)
    expect(await published(memory)).toEqual(['first', 'second'])
    expect(await subject.metric('roomlog_persister_messages_redelivered_total')).toBe(2)
    expect(await subject.metric('roomlog_persister_messages_stored_total')).toBe(0)
  })
})

const originOf = ({ headers }: LogRecord) => headers[HEADERS.originOffset]
