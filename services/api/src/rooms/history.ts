import type { Tables } from '@roomlog/db'
import { type History, idSchema, type Role, SEQ_CURSOR, type Visibility } from '@roomlog/protocol'
import { ApiError } from '@roomlog/service-kit'
import { type Kysely, type RawBuilder, sql } from 'kysely'
import { type ShownUser, userOf } from '../accounts/users.ts'
import { assertInside, assertMember, roomNotFound } from './access.ts'

/** Which way a page goes from its cursor; without one it is the newest page. */
export type Position = { readonly before: number } | { readonly after: number }

/** As in the query of a request: seqs or message ids of the room. */
export interface Cursors {
  readonly before?: string | undefined
  readonly after?: string | undefined
}

/**
 * A member's page as its answer is written (`historyAnswerSchema`), in one statement unless it begins at a message's id.
 * Throws for others, and `bad_cursor`.
 */
export async function readHistory(
  db: Kysely<Tables>,
  { roomId, userId }: { readonly roomId: string; readonly userId: string },
  cursors: Cursors,
  limit: number,
): Promise<string> {
  let position = positionOf(cursors)
  if (position === undefined) {
    // Of a cursor nobody else is told anything.
    await assertMember(db, roomId, userId)
    position = await lookUpPosition(db, roomId, cursors)
  }
  const [row] = (await historyQuery({ roomId, userId }, position, limit).execute(db)).rows
  if (row === undefined) throw roomNotFound()
  assertInside(row.visibility, row.role)
  return answerOf(row, 'after' in position)
}

const NEWEST: Position = { before: Number.MAX_SAFE_INTEGER }

/** Undefined: the cursor is no seq to begin at. */
function positionOf({ before, after }: Cursors): Position | undefined {
  if (after !== undefined) return SEQ_CURSOR.test(after) ? { after: Number(after) } : undefined
  if (before === undefined) return NEWEST
  return SEQ_CURSOR.test(before) && Number(before) > 0 ? { before: Number(before) } : undefined
}

async function lookUpPosition(
  db: Kysely<Tables>,
  roomId: string,
  { before, after }: Cursors,
): Promise<Position> {
  const cursor = after ?? before ?? ''
  if (!idSchema.safeParse(cursor).success) throw badCursor()
  const seq = await seqOfMessage(db, roomId, cursor)
  return after === undefined ? { before: seq } : { after: seq }
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

interface Row {
  readonly visibility: Visibility
  /** Null: not a member, who gets no messages either. */
  readonly role: Role | null
  readonly head: number
  readonly epoch: string
  /** As `Message` is written; null: none. */
  readonly messages: string | null
  /** Seqs. */
  readonly first: number | null
  readonly last: number | null
  readonly users: readonly StoredUser[] | null
}

/** As PostgreSQL writes JSON: times are ISO 8601. */
interface StoredUser {
  readonly id: string
  readonly username: string
  readonly display_name: string
  readonly created_at: string
  readonly deleted_at: string | null
}

/**
 * Who may read, the page, its senders and the head, all of one moment: a head that is newer than its rows would look like
 * a gap. The messages are written here as they are answered: to read them from columns, or from JSON, and write them
 * again costs this process more than all else of a request. The LIMIT is part of the text: unless the planner knows it, it
 * plans anew each time.
 */
export function historyQuery(
  { roomId, userId }: { readonly roomId: string; readonly userId: string },
  position: Position,
  limit: number,
): RawBuilder<Row> {
  const range =
    'after' in position
      ? sql`m.seq > ${position.after} ORDER BY m.seq`
      : sql`m.seq < ${position.before} ORDER BY m.seq DESC`
  return sql`/* prepared */
    WITH page AS MATERIALIZED (
      SELECT m.id, m.room_id AS "roomId", m.seq, 'message' AS kind, m.sender_id AS "senderId",
             m.client_msg_id AS "clientMsgId", m.body,
             to_char(m.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS "createdAt"
      FROM chat.messages m
      WHERE EXISTS (SELECT FROM chat.room_members WHERE room_id = ${roomId} AND user_id = ${userId})
        AND m.room_id = ${roomId} AND ${range} LIMIT ${sql.lit(limit)}
    )
    SELECT r.visibility, rm.role, r.last_seq AS head, c.epoch,
           (SELECT json_agg(p ORDER BY p.seq)::text FROM page p) AS messages,
           (SELECT min(p.seq) FROM page p) AS first, (SELECT max(p.seq) FROM page p) AS last,
           (SELECT json_agg(u) FROM (
             SELECT u.id, u.username, u.display_name, u.created_at, u.deleted_at FROM chat.users u
             WHERE u.id = ANY (ARRAY(SELECT p."senderId" FROM page p))
           ) u) AS users
    FROM chat.rooms r CROSS JOIN chat.cluster c
    LEFT JOIN chat.room_members rm ON rm.room_id = r.id AND rm.user_id = ${userId}
    WHERE r.id = ${roomId}`
}

function answerOf({ head, epoch, messages, first, last, users }: Row, isForward: boolean): string {
  const hasMore = isForward ? last !== null && last < head : first !== null && first > 1
  const told = Object.fromEntries((users ?? []).map((user) => [user.id, userOf(shownOf(user))]))
  const rest: Omit<History, 'messages'> = { head, hasMore, epoch, users: told }
  return `{"messages":${messages ?? '[]'},${JSON.stringify(rest).slice(1)}`
}

function shownOf({ created_at, deleted_at, ...user }: StoredUser): ShownUser {
  return {
    ...user,
    created_at: new Date(created_at),
    deleted_at: deleted_at === null ? null : new Date(deleted_at),
  }
}
