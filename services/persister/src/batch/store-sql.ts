import { type RawBuilder, sql } from 'kysely'

/** One message to store; `id` is used only if it turns out to be new. */
export interface NewRow {
  readonly id: string
  readonly roomId: string
  readonly senderId: string
  readonly clientMsgId: string
  readonly body: string
  /** ISO 8601. */
  readonly createdAt: string
  readonly sourcePartition: number
  readonly sourceOffset: bigint
}

export interface LockedRoom {
  readonly id: string
  readonly lastMessageId: string | null
}

export interface JudgedRow {
  readonly status: 'stored' | 'redelivered' | 'duplicate' | 'reused' | 'no_room'
  /** Of the message as it is stored; to be read where the status is stored or redelivered. */
  readonly id: string
  readonly seq: number
  readonly createdAt: Date
  /** The database's; the same on each row. */
  readonly epoch: string
}

/**
 * Locks the rooms, always in ascending order so that writers cannot lock each other out. It has to be a statement of its
 * own: the next one then sees all that the locks' previous holders committed.
 */
export function lockRooms(roomIds: readonly string[]): RawBuilder<LockedRoom> {
  return sql`/* prepared */
    SELECT r.id, r.last_message_id AS "lastMessageId"
    FROM chat.rooms r WHERE r.id = ANY (${roomIds}::text[])
    ORDER BY r.id FOR NO KEY UPDATE`
}

/**
 * Judges the rows, numbers the new ones in their order, inserts them and moves their rooms' heads; answers one row for
 * each given, in order. The rooms must be locked by this transaction.
 *
 * Repeats are dropped before anything is numbered, or they would burn numbers. The rooms come as an array of their own
 * and nothing is joined with itself: the planner takes such joins for tiny and nests loops. No ON CONFLICT: it makes an
 * insert half as dear again, and what is taken although the rooms are locked has to fail the transaction anyway.
 */
export function storeRows(roomIds: readonly string[], rows: readonly NewRow[]): RawBuilder<JudgedRow> {
  return sql`/* prepared */
    WITH locked AS MATERIALIZED (
      SELECT r.id, r.last_seq FROM chat.rooms r WHERE r.id = ANY (${roomIds}::text[])
    ), judged AS (
      SELECT u.*, l.last_seq, e.id AS e_id, e.seq AS e_seq, e.created_at AS e_at,
             e.source_partition AS e_partition, e.source_offset AS e_offset,
             COALESCE(e.body, first_value(u.body) OVER k) <> u.body AS differs,
             l.id IS NOT NULL AND e.id IS NULL AND row_number() OVER k = 1 AS is_new
      FROM (
        SELECT x.ord, x.id COLLATE "C" AS id, x.room_id COLLATE "C" AS room_id,
               x.sender_id COLLATE "C" AS sender_id, x.client_msg_id COLLATE "C" AS client_msg_id,
               x.body, x.created_at, x.source_partition, x.source_offset
        FROM unnest(
          ${rows.map((row) => row.id)}::text[],
          ${rows.map((row) => row.roomId)}::text[],
          ${rows.map((row) => row.senderId)}::text[],
          ${rows.map((row) => row.clientMsgId)}::text[],
          ${rows.map((row) => row.body)}::text[],
          ${rows.map((row) => row.createdAt)}::timestamptz(3)[],
          ${rows.map((row) => row.sourcePartition)}::integer[],
          ${rows.map((row) => String(row.sourceOffset))}::bigint[]
        ) WITH ORDINALITY AS x(
          id, room_id, sender_id, client_msg_id, body, created_at, source_partition, source_offset, ord
        )
      ) u
      LEFT JOIN locked l ON l.id = u.room_id
      LEFT JOIN LATERAL (
        SELECT m.id, m.seq, m.body, m.created_at, m.source_partition, m.source_offset
        FROM chat.messages m
        WHERE m.room_id = u.room_id AND m.sender_id = u.sender_id AND m.client_msg_id = u.client_msg_id
        LIMIT 1
      ) e ON true
      WINDOW k AS (PARTITION BY u.room_id, u.sender_id, u.client_msg_id ORDER BY u.ord)
    ), numbered AS MATERIALIZED (
      SELECT j.*,
             j.last_seq + count(*) FILTER (WHERE j.is_new) OVER (PARTITION BY j.room_id ORDER BY j.ord) AS new_seq
      FROM judged j
    ), ins AS (
      INSERT INTO chat.messages
        (room_id, seq, id, sender_id, client_msg_id, body, created_at, source_partition, source_offset)
      SELECT n.room_id, n.new_seq, n.id, n.sender_id, n.client_msg_id, n.body, n.created_at,
             n.source_partition, n.source_offset
      FROM numbered n WHERE n.is_new
    ), upd AS (
      UPDATE chat.rooms r SET last_seq = t.new_seq, last_message_id = t.id, last_message_at = t.created_at
      FROM (
        SELECT DISTINCT ON (n.room_id) n.room_id, n.new_seq, n.id, n.created_at
        FROM numbered n WHERE n.is_new ORDER BY n.room_id, n.ord DESC
      ) t
      WHERE r.id = t.room_id AND r.id = ANY (${roomIds}::text[])
    )
    SELECT CASE
             WHEN n.is_new THEN 'stored'
             WHEN n.last_seq IS NULL THEN 'no_room'
             WHEN n.differs THEN 'reused'
             WHEN n.e_partition = n.source_partition AND n.e_offset = n.source_offset THEN 'redelivered'
             ELSE 'duplicate'
           END AS status,
           COALESCE(n.e_id, n.id) AS id,
           COALESCE(n.e_seq, n.new_seq) AS seq,
           COALESCE(n.e_at, n.created_at) AS "createdAt",
           (SELECT c.epoch FROM chat.cluster c) AS epoch
    FROM numbered n ORDER BY n.ord`
}
