import type { Tables } from '@roomlog/db'
import type { ReadPosition } from '@roomlog/protocol'
import { type Kysely, sql } from 'kysely'
import { seqOfMessage } from './history.ts'

export interface Read {
  readonly position: ReadPosition
  readonly hasMoved: boolean
}

/**
 * Moves a member's read position to a message, never back. Undefined: no longer a member. Throws `bad_cursor` for what
 * is no message of the room.
 */
export async function read(
  db: Kysely<Tables>,
  roomId: string,
  userId: string,
  messageId: string,
): Promise<Read | undefined> {
  const seq = await seqOfMessage(db, roomId, messageId)
  // Of racing moves each waits for the one before and then compares with what that has left.
  const moved = await sql<ReadPosition>`
    UPDATE chat.room_members m SET last_read_seq = ${seq}, last_read_message_id = ${messageId}
    FROM chat.rooms r
    WHERE m.room_id = ${roomId} AND m.user_id = ${userId} AND m.last_read_seq < ${seq} AND r.id = m.room_id
    RETURNING ${POSITION}`.execute(db)
  const [position] = moved.rows
  if (position !== undefined) return { position, hasMoved: true }
  const stays = await sql<ReadPosition>`
    SELECT ${POSITION} FROM chat.room_members m JOIN chat.rooms r ON r.id = m.room_id
    WHERE m.room_id = ${roomId} AND m.user_id = ${userId}`.execute(db)
  return stays.rows[0] === undefined ? undefined : { position: stays.rows[0], hasMoved: false }
}

const POSITION = sql`m.last_read_message_id AS "lastReadMessageId", m.last_read_seq AS "lastReadSeq",
  r.last_seq - m.last_read_seq AS "unreadCount"`
