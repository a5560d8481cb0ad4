import type { Message } from '@roomlog/protocol'
import { sql } from 'kysely'

/** Of a table or sub-query named `m`; all null where an outer join found none. */
export const MESSAGE_COLUMNS = sql`m.id AS "messageId", m.seq, m.sender_id AS "senderId",
  m.client_msg_id AS "clientMsgId", m.body, m.created_at AS "createdAt"`

export interface MessageColumns {
  readonly messageId: string | null
  readonly seq: number
  readonly senderId: string
  readonly clientMsgId: string
  readonly body: string
  readonly createdAt: Date
}

/** Null where the outer join found none. */
export function messageOf(roomId: string, row: MessageColumns): Message | null {
  if (row.messageId === null) return null
  return {
    id: row.messageId,
    roomId,
    seq: row.seq,
    kind: 'message',
    senderId: row.senderId,
    clientMsgId: row.clientMsgId,
    body: row.body,
    createdAt: row.createdAt.toISOString(),
  }
}
