import { newId } from '@roomlog/protocol'
import { suiteOn } from '@roomlog/testkit'
import { array, asyncProperty, assert as check, constantFrom, integer, record } from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { storeBatch } from '../src/batch/store.ts'
import type { Verdict } from '../src/batch/verdict.ts'
import {
  candidate,
  created,
  expectSoundRooms,
  newRooms,
  SENDER,
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
}

const draw = record({
  // Room 2 does not exist.
  room: integer({ min: 0, max: 2 }),
  sender: integer({ min: 0, max: 1 }),
  key: integer({ min: 0, max: 3 }),
  body: constantFrom(0, 0, 0, 1),
})
const window = record({ from: integer({ min: 0, max: 59 }), length: integer({ min: 0, max: 20 }) })

interface StoredDraw {
  readonly body: number
  readonly seq: number
  readonly offset: number
}

/** What the design says becomes of each record; nothing of how it is done. */
class Model {
  readonly #stored = new Map<string, StoredDraw>()
  readonly #heads = [0, 0]

  judge({ room, sender, key, body }: Draw, offset: number): string {
    const head = this.#heads[room]
    if (head === undefined) return 'dead'
    const id = `${room} ${sender} ${key}`
    const known = this.#stored.get(id)
    if (known === undefined) {
      this.#stored.set(id, { body, seq: head + 1, offset })
      this.#heads[room] = head + 1
      return `stored ${head + 1}`
    }
    if (known.body !== body) return 'reused'
    return known.offset === offset ? `redelivered ${known.seq}` : 'duplicate'
  }
}

const summary = (verdict: Verdict) =>
  'message' in verdict ? `${verdict.kind} ${verdict.message.seq}` : verdict.kind

suiteOn(['postgres'], 'judging', () => {
  let database: TestDatabase
  const senders = [SENDER, newId()]

  beforeAll(async () => {
    database = await testDatabase()
  })
  afterAll(() => database[Symbol.asyncDispose]())

  test('any batches of any log are judged as the model does', async () => {
    await check(
      asyncProperty(
        array(draw, { minLength: 60, maxLength: 60 }),
        array(window, { minLength: 1, maxLength: 8 }),
        async (draws: readonly Draw[], windows: readonly Window[]) => {
          const rooms = [...(await newRooms(database, 2)), newId()]
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
          const model = new Model()
          for (const { from, length } of windows) {
            const verdicts = await storeBatch(database.persister.db, 0, log.slice(from, from + length))
            const expected = draws
              .slice(from, from + length)
              .map((one, index) => model.judge(one, from + index))
            expect(verdicts.map(summary)).toEqual(expected)
          }
          await expectSoundRooms(database)
        },
      ),
      { numRuns: 100 },
    )
  })
})
