import type { Tables } from '@roomlog/db'
import type { Role, Room, Visibility } from '@roomlog/protocol'
import { type Kysely, type RawBuilder, sql } from 'kysely'
import { MESSAGE_COLUMNS, type MessageColumns, messageOf } from './messages.ts'

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
  page: { readonly cursor?: string | undefined; readonly limit: number },
): Promise<{ readonly rooms: readonly Room[]; readonly nextCursor: string | null }> {
  const where = sql`rm.user_id = ${userId} AND rm.room_id > ${page.cursor ?? ''}`
  const found = await select(db, where, page.limit + 1)
  const rooms = found.slice(0, page.limit)
  return { rooms, nextCursor: found.length > page.limit ? (rooms.at(-1)?.id ?? null) : null }
}

/** One room as its member sees it; undefined for others. */
export async function roomOfMember(
  db: Kysely<Tables>,
  roomId: string,
  userId: string,
): Promise<Room | undefined> {
  const [room] = await select(db, sql`rm.user_id = ${userId} AND rm.room_id = ${roomId}`, 1)
  return room
}

/** One query however many rooms. The LIMIT inside keeps it a look-up by key for each: never a join over all messages. */
async function select(
  db: Kysely<Tables>,
  where: RawBuilder<unknown>,
  limit: number,
): Promise<readonly Room[]> {
  const { rows } = await sql<RoomRow>`
    SELECT r.id, r.name, r.visibility, rm.role, r.member_count AS "memberCount",
           r.last_seq AS "lastSeq", rm.last_read_seq AS "lastReadSeq", ${MESSAGE_COLUMNS}
    FROM chat.room_members rm
    JOIN chat.rooms r ON r.id = rm.room_id
    LEFT JOIN LATERAL (
      SELECT * FROM chat.messages WHERE room_id = r.id AND seq = r.last_seq LIMIT 1
    ) m ON true
    WHERE ${where} ORDER BY rm.room_id LIMIT ${limit}`.execute(db)
  return rows.map(roomOf)
}

function roomOf(row: RoomRow): Room {
  const { id, name, visibility, role, memberCount, lastSeq, lastReadSeq } = row
  const lastMessage = messageOf(id, row)
  const unreadCount = lastSeq - lastReadSeq
  return { id, name, visibility, role, memberCount, lastSeq, lastMessage, lastReadSeq, unreadCount }
}
