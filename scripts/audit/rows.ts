import type { Tables } from '@roomlog/db'
import type { Message } from '@roomlog/protocol'
import { type Kysely, type RawBuilder, sql } from 'kysely'

/** What names a message for ever. */
export interface MessageKey {
  readonly roomId: string
  readonly senderId: string
  readonly clientMsgId: string
}

/** The same with a digest of its body, which may be large. */
export interface BodyKey extends MessageKey {
  /** Of its UTF-8, in hexadecimal. */
  readonly bodySha256: string
}

export interface Place {
  readonly roomId: string
  readonly seq: number
}

/** A stored row, as far as it can be told without its body. */
export interface StoredRow extends Place, MessageKey {
  readonly partition: number
  readonly offset: number
  readonly createdAt: Date
}

export interface FoundRow {
  /** Of the key that it was found by. */
  readonly index: number
  readonly seq: number
  /** Where the record stood that was stored. */
  readonly partition: number
  readonly offset: number
  readonly sameBody: boolean
}

/** The rows that stand under these keys: one look into the unique index for each. */
export function rowsByKey(keys: readonly BodyKey[]): RawBuilder<FoundRow> {
  return sql`
    SELECT u.ord::int - 1 AS index, m.seq, m.source_partition AS partition, m.source_offset AS "offset",
           encode(sha256(convert_to(m.body, 'UTF8')), 'hex') = u.body_sha256 AS "sameBody"
    FROM unnest(
      ${keys.map((key) => key.roomId)}::text[], ${keys.map((key) => key.senderId)}::text[],
      ${keys.map((key) => key.clientMsgId)}::text[], ${keys.map((key) => key.bodySha256)}::text[]
    ) WITH ORDINALITY AS u (room_id, sender_id, client_msg_id, body_sha256, ord)
    CROSS JOIN LATERAL (
      SELECT m.seq, m.source_partition, m.source_offset, m.body FROM chat.messages m
      WHERE m.room_id = u.room_id COLLATE "C" AND m.sender_id = u.sender_id COLLATE "C"
        AND m.client_msg_id = u.client_msg_id COLLATE "C"
      LIMIT 1
    ) m`
}

/** The rows at these places: one look into the primary key for each. */
export function rowsAt(places: readonly Place[]): RawBuilder<StoredRow> {
  return sql`
    SELECT u.room_id AS "roomId", u.seq, m.sender_id AS "senderId", m.client_msg_id AS "clientMsgId",
           m.source_partition AS partition, m.source_offset AS "offset", m.created_at AS "createdAt"
    FROM unnest(${places.map(({ roomId }) => roomId)}::text[], ${places.map(({ seq }) => seq)}::bigint[])
      AS u (room_id, seq)
    CROSS JOIN LATERAL (
      SELECT m.* FROM chat.messages m WHERE m.room_id = u.room_id COLLATE "C" AND m.seq = u.seq LIMIT 1
    ) m`
}

/** The messages at these places, whole, with the epoch of the database that has them. */
export async function messagesAt(
  db: Kysely<Tables>,
  places: readonly Place[],
): Promise<readonly { readonly message: Message; readonly epoch: string }[]> {
  const { rows } = await sql<
    Omit<Message, 'kind' | 'createdAt'> & { readonly createdAt: Date; readonly epoch: string }
  >`
    SELECT (SELECT c.epoch FROM chat.cluster c) AS epoch, m.id, m.room_id AS "roomId", m.seq, m.sender_id AS "senderId", m.client_msg_id AS "clientMsgId",
           m.body, m.created_at AS "createdAt"
    FROM unnest(${places.map(({ roomId }) => roomId)}::text[], ${places.map(({ seq }) => seq)}::bigint[])
      WITH ORDINALITY AS u (room_id, seq, ord)
    CROSS JOIN LATERAL (
      SELECT m.* FROM chat.messages m WHERE m.room_id = u.room_id COLLATE "C" AND m.seq = u.seq LIMIT 1
    ) m
    ORDER BY u.ord`.execute(db)
  return rows.map(({ epoch, createdAt, ...row }) => ({
    message: { kind: 'message', createdAt: createdAt.toISOString(), ...row },
    epoch,
  }))
}
