import { newId } from '@roomlog/protocol'
import { suiteOn } from '@roomlog/testkit'
import { FUZZ_RUNS, FUZZ_TIMEOUT_MS, modelRuns } from '@roomlog/testkit/model-runs'
import { lettersOf, ODD_TEXT, storable, ULID } from '@roomlog/testkit/odd-values'
import { type Arbitrary, asyncProperty, assert as check, constantFrom, oneof, tuple } from 'fast-check'
import type { FastifyInstance } from 'fastify'
import { expect, test } from 'vitest'
import { readHistory } from '../src/rooms/history.ts'
import { publicRooms } from '../src/rooms/public-rooms.ts'
import { newRoom, say, type TestDatabase, withApi } from './support.ts'

const MESSAGES = 7
const LIMIT = 3
const runs = modelRuns(FUZZ_RUNS)

suiteOn(['postgres'], 'cursors', () => {
  let database: TestDatabase
  let app: FastifyInstance
  let userId: string
  let roomId: string
  let own: readonly string[]
  let foreign: readonly string[]

  withApi(async (api) => {
    ;({ database, app } = api)
    const { ada } = api
    userId = ada.id
    roomId = await newRoom(app, ada)
    const other = await newRoom(app, ada)
    own = await say(
      database,
      roomId,
      userId,
      Array.from({ length: MESSAGES }, (_, i) => `${i}`),
    )
    foreign = await say(database, other, userId, ['elsewhere'])
  })

  /** Where a cursor stands in the room; undefined: nowhere. */
  function seqOf(cursor: string, isAfter: boolean): bigint | undefined {
    if (/^[0-9]{1,15}$/.test(cursor) && (isAfter || BigInt(cursor) > 0n)) return BigInt(cursor)
    const at = own.indexOf(cursor)
    return at < 0 ? undefined : BigInt(at + 1)
  }

  function expected(seq: bigint, isAfter: boolean): readonly number[] {
    const all = Array.from({ length: MESSAGES }, (_, i) => i + 1)
    return isAfter
      ? all.filter((it) => BigInt(it) > seq).slice(0, LIMIT)
      : all.filter((it) => BigInt(it) < seq).slice(-LIMIT)
  }

  test(
    `a history’s cursor is a place in its room or refused: ${runs.numRuns} texts`,
    async () => {
      const known = constantFrom(...own, ...foreign, roomId, userId, newId())
      const cursor: Arbitrary<string> = oneof(
        known,
        ULID,
        lettersOf('0123456789', 0, 20),
        lettersOf('0123456789+-.eE _xn', 1, 8),
        ODD_TEXT,
        tuple(known, ODD_TEXT).map((two) => two.join('')),
        constantFrom(
          '-1',
          '9223372036854775807',
          '9223372036854775808',
          '1; DROP TABLE chat.messages',
          '١',
          '0x1',
          ' 1',
          '1\n',
        ),
      )
      const judged = asyncProperty(cursor, constantFrom('before', 'after'), async (text, way) => {
        const isAfter = way === 'after'
        const seq = seqOf(text, isAfter)
        const read = readHistory(database.admin.db, { roomId, userId }, { [way]: text }, LIMIT)
        if (seq === undefined) {
          await expect(read).rejects.toMatchObject({ name: 'ApiError', code: 'bad_cursor' })
          return
        }
        const { messages } = JSON.parse(await read)
        expect(messages.map((it: { readonly seq: number }) => it.seq)).toEqual(expected(seq, isAfter))
      })
      await check(judged, runs)
    },
    FUZZ_TIMEOUT_MS,
  )

  test(
    `the public list is searched, and begun anywhere, by any text: ${runs.numRuns} texts`,
    async () => {
      const text = oneof(storable(0, 100), constantFrom('%', '_', '\\', "'", '%%\\_', '\\%', 'room', 'ROOM'))
      const judged = asyncProperty(text, text, ULID, async (search, name, id) => {
        const { rooms } = await publicRooms(database.admin.db, { search, cursor: { id, name }, limit: LIMIT })
        for (const room of rooms) expect(room.name.toLowerCase().startsWith(search.toLowerCase())).toBe(true)
      })
      await check(judged, runs)
    },
    FUZZ_TIMEOUT_MS,
  )
})
