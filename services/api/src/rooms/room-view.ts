import type { Tables } from '@roomlog/db'
import type { Role, Room, Visibility } from '@roomlog/protocol'
import { type Kysely, type RawBuilder, sql } from 'kysely'
import { MESSAGE_COLUMNS, type MessageColumns, messageOf } from './messages.ts'
import { type PageAsked, pageOf } from './pages.ts'

interface RoomRow extends MessageColumns {
  readonly id: string
  readonly name: string
  readonly visibility: Visibility
  readonly role: Role
  readonly memberCount: number
  readonly lastSeq: number
  readonly lastReadSeq: number
}

/** A page of a user's rooms behind `cursor`, by id, and the cursor of the next. */
export async function roomsOfUser(
  db: Kysely<Tables>,
  userId: string,
  asked: PageAsked,
): Promise<{ rooms: Room[]; nextCursor: string | null }> {
  const { rows } = await roomsOfUserQuery(userId, asked).execute(db)
  const { page, nextCursor } = pageOf(rows, asked.limit, ({ id }) => id)
  return { rooms: page.map(roomOf), nextCursor }
}

/** Asks for one more than the page holds. */
export function roomsOfUserQuery(userId: string, { cursor, limit }: PageAsked): RawBuilder<RoomRow> {
  // As a row, so that the planner does not walk through everybody's memberships by room, as it may for `room_id >` alone.
  const behind = sql`(rm.user_id, rm.room_id) > (${userId}, ${cursor ?? ''})`
  return select(sql`rm.user_id = ${userId} AND ${behind}`, limit + 1)
}

/** One room as its member sees it; undefined for others. */
export async function roomOfMember(
  db: Kysely<Tables>,
  roomId: string,
  userId: string,
): Promise<Room | undefined> {
  const where = sql`rm.user_id = ${userId} AND rm.room_id = ${roomId}`
  const [row] = (await select(where, 1).execute(db)).rows
  return row === undefined ? undefined : roomOf(row)
}

/**
 * One query however many rooms. The LIMITs inside keep it a page of memberships and then look-ups by key for each: never
 * a join over all rooms or all messages.
 */
function select(where: RawBuilder<unknown>, limit: number): RawBuilder<RoomRow> {
  return sql<RoomRow>`
    SELECT r.id, r.name, r.visibility, rm.role, r.member_count AS "memberCount",
           r.last_seq AS "lastSeq", rm.last_read_seq AS "lastReadSeq", ${MESSAGE_COLUMNS}
    FROM (
      SELECT * FROM chat.room_members rm WHERE ${where} ORDER BY rm.room_id LIMIT ${limit}
    ) rm
    JOIN chat.rooms r ON r.id = rm.room_id
    LEFT JOIN LATERAL (
      SELECT * FROM chat.messages WHERE room_id = r.id AND seq = r.last_seq LIMIT 1
    ) m ON true
    ORDER BY rm.room_id`
}

function roomOf(row: RoomRow): Room {
  const { id, name, visibility, role, memberCount, lastSeq, lastReadSeq } = row
  const lastMessage = messageOf(id, row)
  const unreadCount = lastSeq - lastReadSeq
  return { id, name, visibility, role, memberCount, lastSeq, lastMessage, lastReadSeq, unreadCount }
}
