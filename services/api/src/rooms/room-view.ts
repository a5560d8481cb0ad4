import type { Tables } from '@roomlog/db'
import type { Message, Role, Room, Visibility } from '@roomlog/protocol'
import { type Kysely, type RawBuilder, sql } from 'kysely'

interface RoomViewRow {
  readonly id: string
  readonly name: string
  readonly visibility: Visibility
  readonly role: Role
  readonly memberCount: number
  readonly lastSeq: number
  readonly lastReadSeq: number
  readonly message: MessageColumns | null
}

interface MessageColumns {
  readonly id: string
  readonly senderId: string
  readonly clientMsgId: string
  readonly body: string
  /** Milliseconds since 1970. */
  readonly createdAtMs: number
}

/** Rooms of a user as the user sees them, by id, each with its last message: one query however many there are. */
async function select(
  db: Kysely<Tables>,
  where: RawBuilder<unknown>,
  limit: number,
): Promise<readonly Room[]> {
  const { rows } = await sql<RoomViewRow>`
    SELECT r.id, r.name, r.visibility, m.role, r.member_count AS "memberCount",
           r.last_seq AS "lastSeq", m.last_read_seq AS "lastReadSeq",
           CASE WHEN l.id IS NOT NULL THEN json_build_object(
             'id', l.id, 'senderId', l.sender_id, 'clientMsgId', l.client_msg_id, 'body', l.body,
             'createdAtMs', floor(extract(epoch FROM l.created_at) * 1000)) END AS message
    FROM chat.room_members m
    JOIN chat.rooms r ON r.id = m.room_id
    LEFT JOIN chat.messages l ON l.room_id = r.id AND l.seq = r.last_seq
    WHERE ${where} ORDER BY m.room_id LIMIT ${limit}`.execute(db)
  return rows.map(roomOf)
}

/** A page of a user's rooms behind `cursor`, and the cursor of the next. */
export async function roomsOfUser(
  db: Kysely<Tables>,
  userId: string,
  page: { readonly cursor?: string | undefined; readonly limit: number },
): Promise<{ readonly rooms: readonly Room[]; readonly nextCursor: string | null }> {
  const where = sql`m.user_id = ${userId} AND m.room_id > ${page.cursor ?? ''}`
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
  const [room] = await select(db, sql`m.user_id = ${userId} AND m.room_id = ${roomId}`, 1)
  return room
}

function roomOf({ message, ...room }: RoomViewRow): Room {
  return {
    ...room,
    lastMessage: message === null ? null : messageOf(room.id, room.lastSeq, message),
    unreadCount: room.lastSeq - room.lastReadSeq,
  }
}

function messageOf(roomId: string, seq: number, { createdAtMs, ...message }: MessageColumns): Message {
  return { ...message, roomId, seq, kind: 'message', createdAt: new Date(createdAtMs).toISOString() }
}
