import type { Tables } from '@roomlog/db'
import { partitionOf } from '@roomlog/events'
import type { Kysely } from 'kysely'
import type { CreatedPass } from './created.ts'
import { type ExplainOptions, unexplainedRows } from './explained.ts'
import { unexplainedRow } from './finding-texts.ts'
import type { Findings } from './findings.ts'
import { type BrokenRoom, brokenRooms, byIndex, missingSeqs, newRows, type RoomWindow } from './room-rows.ts'

/** Of one statement, so that none is long. */
const ROOMS_AT_MOST = 500
const ROWS_ABOUT = 50_000
const MISSING_SHOWN = 10

export interface RoomOptions extends ExplainOptions {
  readonly db: Kysely<Tables>
  readonly findings: Findings
}

/** Looks at the rooms that the audited records name, around their new rows. Resolves with those in which something is wrong. */
export async function checkTouchedRooms(
  pass: CreatedPass,
  options: RoomOptions,
): Promise<ReadonlySet<string>> {
  const windows = [...pass.touched].map(([roomId, { partition }]) => ({
    roomId,
    partition,
    lowest: pass.stored.of(roomId)?.lowest,
    auditedFrom: pass.from(partition),
  }))
  const wrong = new Set<string>()
  const weigh = ({ roomId }: RoomWindow) => pass.stored.of(roomId)?.size ?? 0
  for (const rooms of chunks(windows, weigh)) {
    const [broken, rows] = await byIndex(options.db, async (trx) => [
      (await brokenRooms(rooms, false).execute(trx)).rows,
      (await newRows(rooms).execute(trx)).rows,
    ])
    await reportBroken(broken, options)
    const strangers = await unexplainedRows(rows, options)
    for (const row of strangers) options.findings.add(unexplainedRow(row))
    for (const { roomId } of [...broken, ...strangers]) wrong.add(roomId)
  }
  return wrong
}

/** Looks at every row of every room, and at rows without a room. */
export async function checkAllRooms(partitions: number, options: RoomOptions): Promise<void> {
  let after = ''
  for (;;) {
    const rooms = await options.db
      .selectFrom('chat.rooms')
      .select(['id', 'last_seq'])
      .where('id', '>', after)
      .orderBy('id')
      .limit(ROOMS_AT_MOST)
      .execute()
    const lastSeqs = new Map(rooms.map(({ id, last_seq }) => [id, last_seq]))
    const windows = rooms.map(({ id }) => windowOf(id, partitions))
    for (const chunk of chunks(windows, ({ roomId }) => lastSeqs.get(roomId) ?? 0)) {
      await reportBroken((await brokenRooms(chunk, true).execute(options.db)).rows, options)
    }
    const last = rooms.at(-1)
    if (last === undefined) break
    after = last.id
  }
  await checkAllRows(partitions, options)
}

async function checkAllRows(partitions: number, options: RoomOptions): Promise<void> {
  let after = { roomId: '', seq: 0 }
  const orphans = new Set<string>()
  for (;;) {
    const rows = await options.db
      .selectFrom('chat.messages as m')
      .leftJoin('chat.rooms as r', 'r.id', 'm.room_id')
      .select(['m.room_id as roomId', 'm.seq', 'm.sender_id as senderId', 'm.client_msg_id as clientMsgId'])
      .select(['m.source_partition as partition', 'm.source_offset as offset', 'm.created_at as createdAt'])
      .select('r.id as room')
      .where((eb) => eb(eb.refTuple('m.room_id', 'm.seq'), '>', eb.tuple(after.roomId, after.seq)))
      .orderBy('m.room_id')
      .orderBy('m.seq')
      .limit(ROOMS_AT_MOST * 10)
      .execute()
    for (const row of await unexplainedRows(rows, options)) options.findings.add(unexplainedRow(row))
    for (const { roomId, room } of rows) if (room === null) orphans.add(roomId)
    const last = rows.at(-1)
    if (last === undefined) break
    after = last
  }
  const windows = [...orphans].map((roomId) => windowOf(roomId, partitions))
  for (const chunk of chunks(windows, () => 1)) {
    await reportBroken((await brokenRooms(chunk, true).execute(options.db)).rows, options)
  }
}

function windowOf(roomId: string, partitions: number): RoomWindow {
  return { roomId, partition: partitionOf(roomId, partitions), lowest: undefined, auditedFrom: 0n }
}

async function reportBroken(rooms: readonly BrokenRoom[], { db, findings }: RoomOptions): Promise<void> {
  for (const { roomId, lastSeq, from, rows, highest, headAgrees } of rooms) {
    if (lastSeq === null) {
      findings.add({ kind: 'hole', roomId, detail: `${rows} rows of a room that does not exist` })
      continue
    }
    const to = Math.max(lastSeq, highest ?? 0)
    const missing = rows < to - from + 1 ? await missingSeqs(db, roomId, from, to, MISSING_SHOWN) : []
    for (const seq of missing)
      findings.add({ kind: 'hole', roomId, seq, detail: `is missing; the head is ${lastSeq}` })
    if (highest !== null && highest > lastSeq) {
      findings.add({
        kind: 'hole',
        roomId,
        seq: highest,
        detail: `stands above the head, which is ${lastSeq}`,
      })
    } else if (!headAgrees && missing.length === 0) {
      findings.add({
        kind: 'hole',
        roomId,
        seq: lastSeq,
        detail: 'the head does not agree with the newest row',
      })
    }
  }
}

function* chunks<T>(items: readonly T[], weigh: (item: T) => number): Generator<readonly T[]> {
  let chunk: T[] = []
  let weight = 0
  for (const item of items) {
    if (chunk.length === ROOMS_AT_MOST || (chunk.length > 0 && weight + weigh(item) > ROWS_ABOUT)) {
      yield chunk
      chunk = []
      weight = 0
    }
    chunk.push(item)
    weight += weigh(item)
  }
  if (chunk.length > 0) yield chunk
}
