import type { Tables } from '@roomlog/db'
import { idSchema, type Message, SEQ_CURSOR } from '@roomlog/protocol'
import { ApiError } from '@roomlog/service-kit'
import { type Kysely, sql } from 'kysely'
import { MESSAGE_COLUMNS, type MessageColumns, messageOf } from './messages.ts'

/** Which way a page goes from its cursor; without one it is the newest page. */
export type Position = { readonly before: number } | { readonly after: number }

export interface HistoryPage {
  /** Ascending. */
  readonly messages: readonly Message[]
  /** The room's last seq at the same moment. */
  readonly head: number
  /** Whether there is more in the direction asked. */
  readonly hasMore: boolean
  readonly epoch: string
}

const NEWEST: Position = { before: Number.MAX_SAFE_INTEGER }

/** Resolves the cursors of a request, seqs or message ids of this room. Throws `bad_cursor`. */
export async function resolvePosition(
  db: Kysely<Tables>,
  roomId: string,
  cursors: { readonly before?: string | undefined; readonly after?: string | undefined },
): Promise<Position> {
  if (cursors.after !== undefined) return { after: await seqOf(db, roomId, cursors.after) }
  if (cursors.before === undefined) return NEWEST
  const before = await seqOf(db, roomId, cursors.before)
  if (before === 0) throw badCursor()
  return { before }
}

async function seqOf(db: Kysely<Tables>, roomId: string, cursor: string): Promise<number> {
  if (SEQ_CURSOR.test(cursor)) return Number(cursor)
  if (!idSchema.safeParse(cursor).success) throw badCursor()
  return seqOfMessage(db, roomId, cursor)
}

/** Throws `bad_cursor` for what is no message of this room. */
export async function seqOfMessage(db: Kysely<Tables>, roomId: string, messageId: string): Promise<number> {
  const row = await db
    .selectFrom('chat.messages')
    .select('seq')
    .where('room_id', '=', roomId)
    .where('id', '=', messageId)
    .executeTakeFirst()
  if (row === undefined) throw badCursor()
  return row.seq
}

function badCursor(): ApiError {
  return new ApiError('bad_cursor', 'a cursor is a seq or the id of a message of this room')
}

interface Row extends MessageColumns {
  readonly head: number
  readonly epoch: string
}

/** Rows and head come from one statement: a head that is newer than its rows would look like a gap. */
export async function readHistory(
  db: Kysely<Tables>,
  roomId: string,
  position: Position,
  limit: number,
): Promise<HistoryPage> {
  const isForward = 'after' in position
  const range = isForward
    ? sql`m.seq > ${position.after} ORDER BY m.seq`
    : sql`m.seq < ${position.before} ORDER BY m.seq DESC`
  const { rows } = await sql<Row>`
    SELECT r.last_seq AS head, c.epoch, ${MESSAGE_COLUMNS}
    FROM chat.rooms r CROSS JOIN chat.cluster c
    LEFT JOIN LATERAL (
      SELECT * FROM chat.messages m WHERE m.room_id = r.id AND ${range} LIMIT ${limit}
    ) m ON true
    WHERE r.id = ${roomId} ORDER BY m.seq`.execute(db)
  const { head = 0, epoch = '' } = rows[0] ?? {}
  const messages = rows.flatMap((row) => messageOf(roomId, row) ?? [])
  const [first, last] = [messages[0], messages.at(-1)]
  const hasMore = isForward ? last !== undefined && last.seq < head : first !== undefined && first.seq > 1
  return { messages, head, hasMore, epoch }
}
