import { connect } from '@roomlog/db'
import { newId } from '@roomlog/protocol'
import { sql } from 'kysely'

/** One to store behind a room's head. */
export interface SeededMessage {
  readonly senderId: string
  readonly body: string
  readonly createdAt: Date
}

const CHUNK = 5_000

/** Stores them as a persister does, in the order they are given, without log and edges: for rooms too large to be typed. */
export async function seedMessages(
  databaseUrl: string,
  roomId: string,
  messages: readonly SeededMessage[],
): Promise<void> {
  const { db, close } = connect({ url: databaseUrl, applicationName: 'roomlog-seed' })
  try {
    for (let from = 0; from < messages.length; from += CHUNK) {
      const rows = messages.slice(from, from + CHUNK).map((message) => ({ id: newId(), ...message }))
      const last = rows.at(-1)
      await db.transaction().execute(async (trx) => {
        const { last_seq: head } = await trx
          .selectFrom('chat.rooms')
          .select('last_seq')
          .where('id', '=', roomId)
          .forUpdate()
          .executeTakeFirstOrThrow()
        await sql`INSERT INTO chat.messages
            (room_id, seq, id, sender_id, client_msg_id, body, created_at, source_partition, source_offset)
          SELECT ${roomId}, ${head}::bigint + n, id, sender_id, id, body, created_at, 0, 0 - ${head}::bigint - n
          FROM unnest(
            ${rows.map(({ id }) => id)}::text[], ${rows.map(({ senderId }) => senderId)}::text[],
            ${rows.map(({ body }) => body)}::text[], ${rows.map(({ createdAt }) => createdAt)}::timestamptz[]
          ) WITH ORDINALITY AS t (id, sender_id, body, created_at, n)`.execute(trx)
        await trx
          .updateTable('chat.rooms')
          .set({
            last_seq: head + rows.length,
            last_message_id: last?.id ?? null,
            last_message_at: last?.createdAt ?? null,
          })
          .where('id', '=', roomId)
          .execute()
      })
    }
  } finally {
    await close()
  }
}
