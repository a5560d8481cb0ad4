import { BODY, suiteOn } from '@roomlog/testkit'
import { sql } from 'kysely'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { lockRooms, storeRows } from '../src/batch/store-sql.ts'
import {
  bodiesOf,
  candidates,
  created,
  expectSoundRooms,
  kinds,
  lockWaiters,
  newRoom,
  newRooms,
  newRowsOf,
  storeBatch,
  type TestDatabase,
  testDatabase,
} from './support.ts'

const PARTITION = 3

suiteOn(['postgres'], 'racing writers', () => {
  let database: TestDatabase

  beforeAll(async () => {
    database = await testDatabase()
  })
  afterEach(() => expectSoundRooms(database))
  afterAll(() => database[Symbol.asyncDispose]())

  test('the one that had to wait sees what the one before it committed', async () => {
    const room = await newRoom(database)
    const shared = [created(room), created(room)]
    const { db } = database.persister
    let waiting: ReturnType<typeof storeBatch> | undefined
    await db.transaction().execute(async (trx) => {
      await lockRooms([room]).execute(trx)
      await storeRows([room], newRowsOf(candidates(shared), PARTITION)).execute(trx)
      waiting = storeBatch(database.store, PARTITION, candidates([...shared, created(room)], 50))
      await expect.poll(() => lockWaiters(database)).toBe(1)
    })
    expect(kinds((await waiting) ?? [])).toEqual(['duplicate', 'duplicate', 'stored'])
    expect(await bodiesOf(database, room)).toHaveLength(3)
  })

  test('one that hangs in the middle loses its locks, and has stored nothing', async () => {
    const room = await newRoom(database)
    const { db } = database.persister
    const { promise: never, reject } = Promise.withResolvers<void>()
    const hanging = db.transaction().execute(async (trx) => {
      await lockRooms([room]).execute(trx)
      await storeRows([room], newRowsOf(candidates([created(room, { body: 'hung' })]), PARTITION)).execute(
        trx,
      )
      await never
    })
    const hung = expect(hanging).rejects.toThrow()
    const locked = () =>
      sql`SELECT 1 FROM chat.rooms WHERE id = ${room} FOR NO KEY UPDATE SKIP LOCKED`.execute(
        database.admin.db,
      )
    await expect.poll(async () => (await locked()).rows.length).toBe(0)
    await expect.poll(async () => (await locked()).rows.length, { timeout: 15_000 }).toBe(1)
    expect(kinds(await storeBatch(database.store, PARTITION, candidates([created(room)])))).toEqual([
      'stored',
    ])
    reject(new Error('woken'))
    await hung
    expect(await bodiesOf(database, room)).toEqual([BODY])
  })

  test.for([2, 8])(
    '%i of them with 200 batches each, over windows that overlap, lose nothing',
    async (writers) => {
      const rooms = await newRooms(database, 20)
      const events = Array.from({ length: 2000 }, (_, i) => created(rooms[(i * 7) % rooms.length] ?? ''))
      const write = async (writer: number) => {
        for (let batch = 0; batch < 200; batch += 1) {
          const from = Math.min(batch * 10 + writer * 3, events.length - 20)
          await storeBatch(database.store, writer, candidates(events.slice(from, from + 20), from))
        }
      }
      await Promise.all(Array.from({ length: writers }, (_, writer) => write(writer)))
      const { rows } = await sql<{ stored: number }>`
      SELECT count(*) AS stored FROM chat.messages WHERE room_id = ANY (${rooms}::text[])`.execute(
        database.admin.db,
      )
      expect(rows).toEqual([{ stored: events.length }])
    },
  )
})
