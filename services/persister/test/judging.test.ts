import { newId } from '@roomlog/protocol'
import { suiteOn } from '@roomlog/testkit'
import { array, asyncProperty, assert as check, constantFrom, integer, record } from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { MessageStore } from '../src/batch/message-store.ts'
import type { JudgedRow, NewRow } from '../src/batch/store-sql.ts'
import { judge, type RoomSnapshot } from './judge.ts'
import {
  candidate,
  created,
  expectSoundRooms,
  newRooms,
  SENDER,
  storeBatch,
  type TestDatabase,
  testDatabase,
} from './support.ts'

/** One record, as small numbers: few rooms, senders, keys and bodies, so that they meet often. */
interface Draw {
  readonly room: number
  readonly sender: number
  readonly key: number
  readonly body: number
}

/** Some records from `from` on of a log that grows as it is read: batches overlap, repeat and go back. */
interface Window {
  readonly from: number
  readonly length: number
  /** Mostly the same: another one's records at the same offsets are other records. */
  readonly partition: number
}

const draw = record({
  // Room 2 does not exist.
  room: integer({ min: 0, max: 2 }),
  sender: integer({ min: 0, max: 1 }),
  key: integer({ min: 0, max: 3 }),
  body: constantFrom(0, 0, 0, 1),
})
const window = record({
  from: integer({ min: 0, max: 59 }),
  length: integer({ min: 0, max: 20 }),
  partition: constantFrom(0, 0, 0, 1),
})

/** The rooms as the model has them after each batch. */
class Model {
  readonly #rooms = new Map<string, RoomSnapshot>()

  readonly #epoch: string

  constructor(epoch: string, roomIds: readonly string[]) {
    this.#epoch = epoch
    for (const id of roomIds) this.#rooms.set(id, { lastSeq: 0, rows: [] })
  }

  store(rows: readonly NewRow[]): readonly JudgedRow[] {
    const { judgements, inserts } = judge(this.#rooms, rows)
    for (const row of inserts) {
      const earlier = this.#rooms.get(row.roomId)?.rows ?? []
      this.#rooms.set(row.roomId, { lastSeq: row.seq, rows: [...earlier, row] })
    }
    return judgements.map((it) => ({ ...it, epoch: this.#epoch }))
  }
}

/** The same store; tells what its storing statement was given, and answered. */
function overheard(
  store: MessageStore,
  hear: (rows: readonly NewRow[], judged: readonly JudgedRow[]) => void,
) {
  const overhearing: MessageStore = {
    transaction: (work) =>
      store.transaction((trx) =>
        work({
          lockRooms: (roomIds) => trx.lockRooms(roomIds),
          storeRows: async (roomIds, rows) => {
            const judged = await trx.storeRows(roomIds, rows)
            hear(rows, judged)
            return judged
          },
        }),
      ),
  }
  return overhearing
}

/** Id, seq, time and epoch are to be read where there is a message to publish. */
function legible({ status, ...message }: JudgedRow): object {
  return status === 'stored' || status === 'redelivered' ? { status, ...message } : { status }
}

suiteOn(['postgres'], 'judging', () => {
  let database: TestDatabase
  const senders = [SENDER, newId()]

  beforeAll(async () => {
    database = await testDatabase()
  })
  afterAll(() => database[Symbol.asyncDispose]())

  test('PostgreSQL judges, numbers and stores any batches of any log as the models do', async () => {
    let batches = 0
    const { epoch } = await database.admin.db
      .selectFrom('chat.cluster')
      .select('epoch')
      .executeTakeFirstOrThrow()
    await check(
      asyncProperty(
        array(draw, { minLength: 60, maxLength: 60 }),
        array(window, { minLength: 1, maxLength: 8 }),
        async (draws: readonly Draw[], windows: readonly Window[]) => {
          const existing = await newRooms(database, 2)
          const rooms = [...existing, newId()]
          const log = draws.map(({ room, sender, key, body }, offset) =>
            candidate(
              created(rooms[room] ?? '', {
                senderId: senders[sender] ?? '',
                clientMsgId: `message-${key}`,
                body: `body-${body}`,
              }),
              offset,
            ),
          )
          const model = new Model(epoch, existing)
          for (const { from, length, partition } of windows) {
            const store = overheard(database.store, (rows, judged) => {
              batches += 1
              expect(judged.map(legible)).toEqual(model.store(rows).map(legible))
            })
            await storeBatch(store, partition, log.slice(from, from + length))
          }
          await expectSoundRooms(database)
        },
      ),
      { numRuns: 100 },
    )
    expect(batches).toBeGreaterThanOrEqual(200)
  })
})
