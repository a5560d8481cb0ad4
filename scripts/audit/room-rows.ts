import { NO_SOURCE_PARTITION, type Tables } from '@roomlog/db'
import { type Kysely, type RawBuilder, sql } from 'kysely'
import type { StoredRow } from './rows.ts'

/** A room to look at. */
export interface RoomWindow {
  readonly roomId: string
  /** The partition in which its records stand. */
  readonly partition: number
  /** The lowest seq that was audited now; undefined when none was. */
  readonly lowest: number | undefined
  /** The first offset that was audited now. */
  readonly auditedFrom: bigint
}

/** What of a room is not as it should be, at one moment; sound rooms are not among them. */
export interface BrokenRoom {
  readonly roomId: string
  /** Null: there are rows and no room. */
  readonly lastSeq: number | null
  /** Where the look began. */
  readonly from: number
  readonly rows: number
  readonly highest: number | null
  readonly headAgrees: boolean
}

/**
 * Rows below the new ones that are looked at again, so that a room of ordinary size is looked at as a whole and a huge
 * one costs no more.
 */
const BELOW_THE_HEAD = 1000

const windows = (rooms: readonly RoomWindow[], isWhole: boolean) => sql`
  SELECT t.id, t.partition, t.lowest, t.audited_from, r.last_seq, r.last_message_id, r.last_message_at,
         CASE WHEN ${isWhole}::boolean THEN 1
              ELSE greatest(1, least(t.lowest, coalesce(r.last_seq, 0) - ${BELOW_THE_HEAD - 1}::bigint)) END AS "from"
  FROM unnest(
    ${rooms.map(({ roomId }) => roomId)}::text[], ${rooms.map(({ partition }) => partition)}::int[],
    ${rooms.map(({ lowest }) => lowest ?? null)}::bigint[],
    ${rooms.map(({ auditedFrom }) => String(auditedFrom))}::bigint[]
  ) AS t (id, partition, lowest, audited_from)
  LEFT JOIN chat.rooms r ON r.id = t.id COLLATE "C"`

/**
 * One statement, so that a room and its rows are seen as of one moment: whoever stores moves both at once. From `from`
 * on there must be each seq up to the head, and the head must be the last row.
 */
export function brokenRooms(rooms: readonly RoomWindow[], isWhole: boolean): RawBuilder<BrokenRoom> {
  return sql`
    SELECT w.id AS "roomId", w.last_seq AS "lastSeq", w."from", n.rows, n.highest,
           newest.id IS NOT DISTINCT FROM w.last_message_id
             AND newest.created_at IS NOT DISTINCT FROM w.last_message_at AS "headAgrees"
    FROM (${windows(rooms, isWhole)}) w
    CROSS JOIN LATERAL (
      SELECT count(*) AS rows, min(m.seq) AS lowest, max(m.seq) AS highest FROM chat.messages m
      WHERE m.room_id = w.id COLLATE "C" AND m.seq >= w."from"
    ) n
    LEFT JOIN LATERAL (
      SELECT m.id, m.created_at FROM chat.messages m WHERE m.room_id = w.id COLLATE "C"
      ORDER BY m.seq DESC LIMIT 1
    ) newest ON true
    WHERE (w.last_seq IS NOT NULL OR n.rows > 0)
      AND (w.last_seq IS NULL OR n.rows <> greatest(0, w.last_seq - w."from" + 1) OR n.highest <> w.last_seq
           OR n.lowest <> w."from" OR newest.id IS DISTINCT FROM w.last_message_id
           OR newest.created_at IS DISTINCT FROM w.last_message_at)`
}

/**
 * The rows of the windows that say they came from what was audited now, or from where nothing of their room can come
 * from, or that lie among the new ones.
 */
export function newRows(rooms: readonly RoomWindow[]): RawBuilder<StoredRow> {
  return sql`
    SELECT m.room_id AS "roomId", m.seq, m.sender_id AS "senderId", m.client_msg_id AS "clientMsgId",
           m.source_partition AS partition, m.source_offset AS "offset", m.created_at AS "createdAt"
    FROM (${windows(rooms, false)}) w
    CROSS JOIN LATERAL (
      SELECT m.* FROM chat.messages m
      WHERE m.room_id = w.id COLLATE "C" AND m.seq >= w."from" AND m.source_partition <> ${NO_SOURCE_PARTITION}
        AND (m.seq >= w.lowest OR m.source_offset >= w.audited_from OR m.source_offset < 0
             OR m.source_partition <> w.partition)
    ) m`
}

/** The first seqs that are missing between `from` and `to`. */
export async function missingSeqs(
  db: Kysely<Tables>,
  roomId: string,
  from: number,
  to: number,
  limit: number,
): Promise<readonly number[]> {
  const { rows } = await sql<{ seq: number }>`
    SELECT s.seq FROM generate_series(${from}::bigint, ${to}::bigint) AS s (seq)
    LEFT JOIN LATERAL (
      SELECT true AS there FROM chat.messages m WHERE m.room_id = ${roomId} AND m.seq = s.seq LIMIT 1
    ) m ON true
    WHERE m.there IS NULL LIMIT ${limit}`.execute(db)
  return rows.map(({ seq }) => seq)
}

/**
 * With the indexes and nothing else: of a table whose statistics are old, or that is mostly one room, the planner may
 * think that reading all of it is cheaper.
 */
export function byIndex<T>(db: Kysely<Tables>, work: (trx: Kysely<Tables>) => Promise<T>): Promise<T> {
  return db.transaction().execute(async (trx) => {
    await sql`SELECT set_config('enable_seqscan', 'off', true), set_config('jit', 'off', true)`.execute(trx)
    return work(trx)
  })
}
