import type { Tables } from '@roomlog/db'
import type { Kysely } from 'kysely'

export interface StoredSend {
  readonly id: string
  readonly seq: number
  readonly body: string
}

/** The row of a send that was stored before; undefined when there is none. */
export function findStored(
  db: Kysely<Tables>,
  send: { readonly roomId: string; readonly senderId: string; readonly clientMsgId: string },
): Promise<StoredSend | undefined> {
  return db
    .selectFrom('chat.messages')
    .select(['id', 'seq', 'body'])
    .where('room_id', '=', send.roomId)
    .where('sender_id', '=', send.senderId)
    .where('client_msg_id', '=', send.clientMsgId)
    .executeTakeFirst()
}
