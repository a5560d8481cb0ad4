import { connect, type Tables } from '@roomlog/db'
import { newId } from '@roomlog/protocol'
import { type Kysely, sql } from 'kysely'

const ROWS_PER_STATEMENT = 100_000
const ROWS_PER_WORD = 1_000_000
/** Of a ULID: its time and some of the rest, before a number. */
const BEGINNING = 16

/** An empty room and who has written in it by turns. */
export interface Filled {
  readonly roomId: string
  readonly senders: readonly string[]
  readonly messages: number
}

/** Rooms with so many messages as persisters would have left them, vacuumed and analysed. */
export async function fill(
  databaseUrl: string,
  rooms: readonly Filled[],
  say: (what: string) => void,
): Promise<void> {
  const { db, close } = connect({
    url: databaseUrl,
    applicationName: 'roomlog-bench',
    statementTimeoutMs: 0,
  })
  try {
    for (const room of rooms) await fillOne(db, room, say)
    await sql`VACUUM (ANALYZE) chat.messages`.execute(db)
    await sql`CHECKPOINT`.execute(db)
  } finally {
    await close()
  }
}

async function fillOne(
  db: Kysely<Tables>,
  { roomId, senders, messages }: Filled,
  say: (what: string) => void,
): Promise<void> {
  const beginning = newId().slice(0, BEGINNING)
  const idOf = (n: ReturnType<typeof sql>) => sql`${beginning}::text || lpad((${n})::text, 10, '0')`
  for (let from = 0; from < messages; from += ROWS_PER_STATEMENT) {
    const to = Math.min(messages, from + ROWS_PER_STATEMENT)
    await sql`INSERT INTO chat.messages
        (room_id, seq, id, sender_id, client_msg_id, body, created_at, source_partition, source_offset)
      SELECT ${roomId}, n, ${idOf(sql`n`)}, (${senders}::text[])[n % ${senders.length} + 1], 'message-' || n,
             'This is message ' || n || ' of a room with very many of them. 안녕하세요 👋',
             now() - make_interval(secs => ${messages}::int - n), 0, n
      FROM generate_series(${from + 1}::bigint, ${to}::bigint) n`.execute(db)
    if (to === messages || to % ROWS_PER_WORD === 0) say(`room of ${messages}: ${to} messages`)
  }
  await sql`UPDATE chat.rooms SET last_seq = ${messages}, last_message_at = now(),
      last_message_id = ${idOf(sql`${messages}::bigint`)}
    WHERE id = ${roomId}`.execute(db)
}
