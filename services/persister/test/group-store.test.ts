import { suiteOn } from '@roomlog/testkit'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { groupStore } from '../src/batch/group-store.ts'
import type { MessageStore } from '../src/batch/message-store.ts'
import { bodiesOf, candidates, created, kinds, newRooms, type TestDatabase, testDatabase } from './support.ts'

suiteOn(['postgres'], 'batches that wait together', () => {
  let database: TestDatabase
  beforeAll(async () => {
    database = await testDatabase()
  })
  afterAll(() => database[Symbol.asyncDispose]())

  const counted = () => {
    const count = { transactions: 0 }
    const store: MessageStore = {
      transaction: (work) => {
        count.transactions += 1
        return database.store.transaction(work)
      },
    }
    return { count, store: groupStore(store) }
  }

  test('are stored in one transaction, each under its partition', async () => {
    const rooms = await newRooms(database, 12)
    const { count, store } = counted()
    const batches = rooms.map((room, partition) =>
      store(partition, candidates([created(room), created(room)], partition * 10)),
    )
    expect((await Promise.all(batches)).map(kinds)).toEqual(rooms.map(() => ['stored', 'stored']))
    expect(count.transactions).toBe(1)
    const rows = await database.admin.db
      .selectFrom('chat.messages')
      .select(['room_id', 'seq', 'source_partition', 'source_offset'])
      .where('room_id', 'in', rooms)
      .execute()
    const wanted = rooms.flatMap((room_id, source_partition) =>
      [0, 1].map((n) => ({
        room_id,
        seq: n + 1,
        source_partition,
        source_offset: source_partition * 10 + n,
      })),
    )
    expect(new Set(rows.map((row) => JSON.stringify(row)))).toEqual(
      new Set(wanted.map((row) => JSON.stringify(row))),
    )
  })

  test('do not fail for the data of one of them', async () => {
    const [good = '', bad = ''] = await newRooms(database, 2)
    const { store } = counted()
    const [stored, failed] = await Promise.allSettled([
      store(0, candidates([created(good, { body: 'fine' })])),
      store(1, candidates([created(bad, { body: 'a\0b' })])),
    ])
    expect(stored).toMatchObject({ status: 'fulfilled', value: [{ kind: 'stored' }] })
    expect(failed).toMatchObject({ status: 'rejected', reason: { code: '22021' } })
    expect(await bodiesOf(database, good)).toEqual(['fine'])
  })

  test('are no more than 500 records, but one that is larger goes alone', async () => {
    const [room = ''] = await newRooms(database, 1)
    const { count, store } = counted()
    const batch = (length: number) => candidates(Array.from({ length }, () => created(room)))
    const sizes = [300, 200, 1, 600]
    await Promise.all(sizes.map((size, partition) => store(partition, batch(size))))
    expect(count.transactions).toBe(3)
  })
})
