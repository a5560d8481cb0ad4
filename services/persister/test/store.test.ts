import { newId } from '@roomlog/protocol'
import { BODY, suiteOn } from '@roomlog/testkit'
import { sql } from 'kysely'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { StoreConflict } from '../src/batch/message-store.ts'
import { storeRows } from '../src/batch/store-sql.ts'
import {
  bodiesOf,
  candidate,
  candidates,
  created,
  expectSoundRooms,
  kinds,
  newRoom,
  newRooms,
  newRowsOf,
  storeBatch,
  type TestDatabase,
  testDatabase,
} from './support.ts'

const PARTITION = 3

suiteOn(['postgres'], 'storing a batch', () => {
  let database: TestDatabase
  const store = (...args: Parameters<typeof candidates>) =>
    storeBatch(database.store, PARTITION, candidates(...args))

  beforeAll(async () => {
    database = await testDatabase()
  })
  afterEach(() => expectSoundRooms(database))
  afterAll(() => database[Symbol.asyncDispose]())

  test('numbers the messages of each room in the order of the log', async () => {
    const [a = '', b = ''] = await newRooms(database, 2)
    const bodies = ['a1', 'b1', 'a2', 'a3', 'b2']
    const events = bodies.map((body) => created(body.startsWith('a') ? a : b, { body }))
    const { epoch } = await database.admin.db
      .selectFrom('chat.cluster')
      .select('epoch')
      .executeTakeFirstOrThrow()
    const verdicts = await store(events, 100)
    expect(verdicts).toEqual(
      events.map((event, i) => ({
        kind: 'stored',
        epoch,
        message: {
          id: expect.stringMatching(/^[0-9A-Z]{26}$/),
          roomId: event.roomId,
          seq: Number(bodies[i]?.at(1)),
          kind: 'message',
          senderId: event.senderId,
          clientMsgId: event.clientMsgId,
          body: bodies[i],
          createdAt: event.acceptedAt,
        },
      })),
    )
    expect(await bodiesOf(database, a)).toEqual(['a1', 'a2', 'a3'])
    const sources = await database.admin.db
      .selectFrom('chat.messages')
      .select(['source_partition', 'source_offset'])
      .where('room_id', '=', b)
      .orderBy('seq')
      .execute()
    expect(sources).toEqual([
      { source_partition: PARTITION, source_offset: 101 },
      { source_partition: PARTITION, source_offset: 104 },
    ])
  })

  test('goes on where the batch before ended', async () => {
    const room = await newRoom(database)
    await store([created(room), created(room)])
    expect(await store([created(room)], 2)).toMatchObject([{ kind: 'stored', message: { seq: 3 } }])
  })

  test('is nothing for an empty batch', async () => {
    expect(await store([])).toEqual([])
  })

  test('keeps bodies byte for byte', async () => {
    const room = await newRoom(database)
    const bodies = [
      '{"a",NULL}',
      '\\ "',
      "'; DROP TABLE x --",
      '🫶🏽 مرحبا',
      ' \n\t',
      'NULL',
      'x'.repeat(4000),
    ]
    await store(bodies.map((body) => created(room, { body })))
    expect(await bodiesOf(database, room)).toEqual(bodies)
  })

  test('stores repeats inside a batch once, and tells other bodies from them', async () => {
    const room = await newRoom(database)
    const first = created(room, { body: 'first' })
    const other = { ...first, body: 'other' }
    const verdicts = await store([first, created(room), first, other, first, other, created(room)])
    expect(kinds(verdicts)).toEqual([
      'stored',
      'stored',
      'duplicate',
      'reused',
      'duplicate',
      'reused',
      'stored',
    ])
    expect(await bodiesOf(database, room)).toEqual(['first', BODY, BODY])
  })

  test('tells repeats from reuse against what is stored', async () => {
    const room = await newRoom(database)
    const stored = created(room, { body: 'stored' })
    await store([stored])
    const other = { ...stored, body: 'other' }
    const verdicts = await store([other, stored, created(room), other], 10)
    expect(kinds(verdicts)).toEqual(['reused', 'duplicate', 'stored', 'reused'])
    expect(await bodiesOf(database, room)).toEqual(['stored', BODY])
  })

  test('burns no number for an old batch that is replayed among fresh rows', async () => {
    const [a = '', b = ''] = await newRooms(database, 2)
    const old = Array.from({ length: 40 }, (_, i) => created(i % 2 === 0 ? a : b))
    await store(old)
    const mixed = old.flatMap((event, i) => [{ ...event, eventId: newId() }, created(i % 3 === 0 ? a : b)])
    const verdicts = await store(mixed, 1000)
    expect(kinds(verdicts)).toEqual(mixed.map((_, i) => (i % 2 === 0 ? 'duplicate' : 'stored')))
  })

  test('knows the record that was stored from a repeat by its place in the log', async () => {
    const room = await newRoom(database)
    const event = created(room)
    const first = await store([event], 7)
    const again = { ...first[0], kind: 'redelivered' }
    expect(await store([event], 7)).toEqual([again])
    expect(await store([event], 8)).toEqual([{ kind: 'duplicate' }])
    expect(await storeBatch(database.store, PARTITION + 1, [candidate(event, 7)])).toEqual([
      { kind: 'duplicate' },
    ])
    expect(kinds(await store([event, event], 7))).toEqual(['redelivered', 'duplicate'])
  })

  test('takes the same clientMsgId of another sender or room for another message', async () => {
    const [a = '', b = ''] = await newRooms(database, 2)
    const event = created(a)
    const verdicts = await store([event, { ...event, senderId: newId() }, { ...event, roomId: b }])
    expect(kinds(verdicts)).toEqual(['stored', 'stored', 'stored'])
  })

  test('gives up a message to an unknown room, and no other', async () => {
    const room = await newRoom(database)
    const lost = created(newId())
    const verdicts = await store([created(room), lost, created(room), lost])
    expect(kinds(verdicts)).toEqual(['stored', 'dead', 'stored', 'dead'])
    expect(verdicts[1]).toMatchObject({
      reason: 'room_not_found',
      code: 'room_not_found',
      record: { offset: 1n },
    })
  })

  test('mints ids above the last one of a room whose time is ahead, and of no other', async () => {
    const [ahead = '', other = ''] = await newRooms(database, 2)
    await store([created(ahead)])
    const future = '7ZZZZZZZZYZZZZZZZZZZZZZZZY'
    await sql`UPDATE chat.messages SET id = ${future} WHERE room_id = ${ahead}`.execute(database.admin.db)
    await sql`UPDATE chat.rooms SET last_message_id = ${future} WHERE id = ${ahead}`.execute(
      database.admin.db,
    )
    const verdicts = await store([created(ahead), created(other), created(ahead)], 1)
    expect(verdicts).toMatchObject([
      { message: { id: expect.stringMatching(/^7ZZZZZZZZZ000000/) } },
      { message: { id: expect.stringMatching(/^0/) } },
      { message: { id: expect.stringMatching(/^7ZZZZZZZZZ000001/) } },
    ])
  })

  test('stores nothing of a batch whose numbers are taken, instead of leaving them out', async () => {
    const [sound = '', behind = ''] = await newRooms(database, 2)
    const setHead = (seq: number) =>
      sql`UPDATE chat.rooms SET last_seq = ${seq} WHERE id = ${behind}`.execute(database.admin.db)
    await store([created(behind), created(behind)])
    await setHead(1)
    const batch = [created(sound), created(behind)]
    await expect(store(batch, 2)).rejects.toThrow(StoreConflict)
    await setHead(2)
    expect(await bodiesOf(database, sound)).toEqual([])
    expect(kinds(await store(batch, 2))).toEqual(['stored', 'stored'])
  })

  test('uses indexes alone once there is something to find', async () => {
    const rooms = await newRooms(database, 50)
    const events = Array.from({ length: 5000 }, (_, i) => created(rooms[i % rooms.length] ?? ''))
    for (let i = 0; i < events.length; i += 500) await store(events.slice(i, i + 500), i)
    await sql`ANALYZE chat.messages, chat.rooms`.execute(database.admin.db)
    const rows = newRowsOf(candidates(events.slice(0, 500)), PARTITION)
    const explained = await sql<{
      'QUERY PLAN': string
    }>`EXPLAIN ${storeRows(rooms, rows)}`.execute(database.persister.db)
    const plan = explained.rows.map((row) => row['QUERY PLAN'])
    expect(plan.filter((line) => line.includes('Seq Scan on messages'))).toEqual([])
    expect(plan.filter((line) => line.includes('messages_room_id_sender_id_client_msg_id_key'))).toHaveLength(
      1,
    )
  })
})
