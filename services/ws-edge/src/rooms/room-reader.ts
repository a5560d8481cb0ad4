import type { Tables } from '@roomlog/db'
import { encodeNewMessageFrame } from '@roomlog/events'
import { type Kysely, sql } from 'kysely'
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

const PAGE_ROWS = 100
const PAGE_BYTES = 256 * 1024
const MAX_REQUESTS_PER_STATEMENT = 100
/** At once; the pool has room for others beside. */
const MAX_STATEMENTS = 6

interface Waiting {
  readonly request: ReadRequest
  readonly settle: PromiseWithResolvers<RoomRead>
}

/**
 * Reads rooms for whoever asks: what is asked while statements are under way goes together into the next, so a storm of
 * joins is a few statements. Head, membership and rows of one answer are of one moment.
 */
export class RoomReader {
  readonly #db: Kysely<Tables>
  #waiting: Waiting[] = []
  #running = 0

  constructor(db: Kysely<Tables>) {
    this.#db = db
  }

  /** Rejects with the driver's errors. */
  read(request: ReadRequest): Promise<RoomRead> {
    const settle = Promise.withResolvers<RoomRead>()
    this.#waiting.push({ request, settle })
    // What is asked in the same turn of the event loop goes together.
    if (this.#waiting.length === 1) setImmediate(() => this.#pump())
    return settle.promise
  }

  #pump(): void {
    while (this.#waiting.length > 0 && this.#running < MAX_STATEMENTS) {
      const batch = this.#waiting.splice(0, MAX_REQUESTS_PER_STATEMENT)
      this.#running += 1
      void this.#run(batch).finally(() => {
        this.#running -= 1
        this.#pump()
      })
    }
  }

  async #run(batch: readonly Waiting[]): Promise<void> {
    try {
      const reads = await readRooms(
        this.#db,
        batch.map(({ request }) => request),
      )
      for (const [index, { settle }] of batch.entries()) {
        const read = reads[index]
        if (read === undefined) settle.reject(new RangeError('a room was read without an answer'))
        else settle.resolve(read)
      }
    } catch (error) {
      for (const { settle } of batch) settle.reject(error)
    }
  }
}

interface Answer {
  readonly exists: boolean
  readonly isPrivate: boolean
  readonly isMember: boolean
  readonly memberVersion: number
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

async function readRooms(db: Kysely<Tables>, requests: readonly ReadRequest[]): Promise<readonly RoomRead[]> {
  const { rows } = await sql<Answer>`
    SELECT r.id IS NOT NULL AS "exists", coalesce(r.visibility = 'private', false) AS "isPrivate",
           m.user_id IS NOT NULL AS "isMember", coalesce(r.member_version, 0) AS "memberVersion",
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

function readOf(roomId: string, { rows: columns, ...answer }: Answer): RoomRead {
  const rows: Row[] = []
  let bytes = 0
  for (const { seq, createdAtMs, ...message } of columns ?? []) {
    const createdAt = new Date(createdAtMs).toISOString()
    const { id, senderId, clientMsgId, body } = message
    const frame = encodeNewMessageFrame({
      id,
      roomId,
      seq,
      kind: 'message',
      senderId,
      clientMsgId,
      body,
      createdAt,
    })
    bytes += frame.length
    if (rows.length > 0 && bytes > PAGE_BYTES) break
    rows.push({ seq, frame })
  }
  const hasMore = rows.length < (columns?.length ?? 0) || rows.length === PAGE_ROWS
  return { ...answer, rows, hasMore }
}

export interface RoomCheck {
  readonly roomId: string
  readonly head: number
  readonly memberVersion: number
  readonly epoch: string
}

/** Head and membership version of rooms, in one statement. */
export async function checkRooms(
  db: Kysely<Tables>,
  roomIds: readonly string[],
): Promise<readonly RoomCheck[]> {
  const { rows } = await sql<RoomCheck>`
    SELECT r.id AS "roomId", r.last_seq AS head, r.member_version AS "memberVersion", c.epoch
    FROM chat.rooms r CROSS JOIN chat.cluster c WHERE r.id = ANY (${roomIds}::text[])`.execute(db)
  return rows
}

/** A room's membership version and which of these users are members, in one statement. */
export async function readMembers(
  db: Kysely<Tables>,
  roomId: string,
  userIds: readonly string[],
): Promise<{ readonly version: number; readonly members: ReadonlySet<string> }> {
  const { rows } = await sql<{ version: number; members: readonly string[] }>`
    SELECT r.member_version AS version, coalesce((
      SELECT json_agg(m.user_id) FROM chat.room_members m
      WHERE m.room_id = r.id AND m.user_id = ANY (${userIds}::text[])), '[]') AS members
    FROM chat.rooms r WHERE r.id = ${roomId}`.execute(db)
  return { version: rows[0]?.version ?? Number.MAX_SAFE_INTEGER, members: new Set(rows[0]?.members ?? []) }
}

export async function readEpoch(db: Kysely<Tables>): Promise<string> {
  const { epoch } = await db.selectFrom('chat.cluster').select('epoch').executeTakeFirstOrThrow()
  return epoch
}
