import { idArray, type Tables } from '@roomlog/db'
import { encodeNewMessageFrame } from '@roomlog/events'
import { type Kysely, sql } from 'kysely'
import { wireFrame } from '../sockets/wire-frame.ts'
import type { RoomRead, Row } from './room-events.ts'

export interface ReadRequest {
  readonly roomId: string
  /** Rows are for members; null reads for the room itself. */
  readonly userId: string | null
  /** Rows above it; null reads none. */
  readonly afterSeq: number | null
  /** No rows when more than this are missing. */
  readonly maxMissing: number
}

/** With what the room's state does not look at. */
export interface FullRead extends RoomRead {
  readonly memberCount: number
}

const PAGE_ROWS = 100
const PAGE_BYTES = 256 * 1024

interface Answer {
  readonly exists: boolean
  readonly isPrivate: boolean
  readonly isMember: boolean
  readonly memberVersion: number
  readonly memberCount: number
  readonly head: number
  readonly epoch: string
  readonly rows: readonly MessageColumns[] | null
}

interface MessageColumns {
  readonly id: string
  readonly seq: number
  readonly senderId: string
  readonly clientMsgId: string
  readonly body: string
  readonly createdAtMs: number
}

/** Head, membership and rows of one answer are of one moment; answers stand in the order of the requests. */
export async function readRooms(
  db: Kysely<Tables>,
  requests: readonly ReadRequest[],
): Promise<readonly FullRead[]> {
  const { rows } = await sql<Answer>`
    SELECT r.id IS NOT NULL AS "exists", coalesce(r.visibility = 'private', false) AS "isPrivate",
           m.user_id IS NOT NULL AS "isMember", coalesce(r.member_version, 0) AS "memberVersion",
           coalesce(r.member_count, 0) AS "memberCount",
           coalesce(r.last_seq, 0) AS head, c.epoch, p.rows
    FROM unnest(
      ${requests.map((q) => q.roomId)}::text[], ${requests.map((q) => q.userId)}::text[],
      ${requests.map((q) => q.afterSeq)}::bigint[], ${requests.map((q) => q.maxMissing)}::bigint[]
    ) WITH ORDINALITY AS q (room_id, user_id, after_seq, max_missing, ord)
    CROSS JOIN chat.cluster c
    LEFT JOIN chat.rooms r ON r.id = q.room_id
    LEFT JOIN chat.room_members m ON m.room_id = q.room_id AND m.user_id = q.user_id
    LEFT JOIN LATERAL (
      SELECT json_agg(json_build_object(
        'id', x.id, 'seq', x.seq, 'senderId', x.sender_id, 'clientMsgId', x.client_msg_id, 'body', x.body,
        'createdAtMs', floor(extract(epoch FROM x.created_at) * 1000)) ORDER BY x.seq) AS rows
      FROM (
        SELECT * FROM chat.messages g
        WHERE g.room_id = r.id AND g.seq > q.after_seq AND r.last_seq - q.after_seq <= q.max_missing
          AND (q.user_id IS NULL OR m.user_id IS NOT NULL)
        ORDER BY g.seq LIMIT ${PAGE_ROWS}
      ) x
    ) p ON true
    ORDER BY q.ord`.execute(db)
  return rows.map((answer, index) => readOf(requests[index]?.roomId ?? '', answer))
}

function readOf(roomId: string, { rows: columns, ...answer }: Answer): FullRead {
  const rows: Row[] = []
  let bytes = 0
  for (const { seq, createdAtMs, ...message } of columns ?? []) {
    const createdAt = new Date(createdAtMs).toISOString()
    const { id, senderId, clientMsgId, body } = message
    const frame = wireFrame(
      encodeNewMessageFrame({ id, roomId, seq, kind: 'message', senderId, clientMsgId, body, createdAt }),
    )
    bytes += frame.length
    if (rows.length > 0 && bytes > PAGE_BYTES) break
    rows.push({ seq, frame })
  }
  const hasMore = rows.length < (columns?.length ?? 0) || rows.length === PAGE_ROWS
  return { ...answer, rows, hasMore }
}

export interface RoomCheck {
  readonly roomId: string
  readonly memberCount: number
  readonly head: number
  readonly memberVersion: number
  readonly epoch: string
}

/**
 * Head and membership version of rooms, in one statement; what is not there is left out. As one value of JSON: rows with
 * columns cost edge and PostgreSQL together 1.2 to 1.4 times as much, which is most of what an edge with many rooms does
 * at rest.
 */
export async function checkRooms(
  db: Kysely<Tables>,
  roomIds: readonly string[],
): Promise<readonly RoomCheck[]> {
  const { rows } = await sql<{
    readonly epoch: string
    readonly rooms: readonly (readonly [string, number, number, number])[]
  }>`
    SELECT c.epoch, coalesce((
      SELECT json_agg(json_build_array(r.id, r.last_seq, r.member_version, r.member_count))
      FROM chat.rooms r WHERE r.id = ANY (${idArray(roomIds)})), '[]') AS rooms
    FROM chat.cluster c`.execute(db)
  return rows.flatMap(({ epoch, rooms }) =>
    rooms.map(([roomId, head, memberVersion, memberCount]) => ({
      roomId,
      head,
      memberVersion,
      memberCount,
      epoch,
    })),
  )
}

export interface MembersRead {
  readonly version: number
  readonly members: ReadonlySet<string>
  readonly head: number
  readonly epoch: string
}

/** A room's membership version and which of these users are members, in one statement; nobody is of a room that is not there. */
export async function readMembers(
  db: Kysely<Tables>,
  roomId: string,
  userIds: readonly string[],
): Promise<MembersRead> {
  const { rows } = await sql<Omit<MembersRead, 'members'> & { readonly members: readonly string[] }>`
    SELECT coalesce(r.member_version, ${Number.MAX_SAFE_INTEGER}::bigint) AS version,
           coalesce(r.last_seq, 0) AS head, c.epoch, coalesce((
      SELECT json_agg(m.user_id) FROM chat.room_members m
      WHERE m.room_id = r.id AND m.user_id = ANY (${userIds}::text[])), '[]') AS members
    FROM chat.cluster c LEFT JOIN chat.rooms r ON r.id = ${roomId}`.execute(db)
  const [read] = rows
  if (read === undefined) throw new RangeError('members were read without an answer')
  return { ...read, members: new Set(read.members) }
}

export async function readEpoch(db: Kysely<Tables>): Promise<string> {
  const { epoch } = await db.selectFrom('chat.cluster').select('epoch').executeTakeFirstOrThrow()
  return epoch
}
