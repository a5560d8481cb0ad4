import { connect } from '@roomlog/db'
import { sql } from 'kysely'
import { Person } from '../../person.ts'

export interface LargeRoom {
  readonly id: string
  readonly owner: Person
  readonly messages: number
}

const SENDERS = 20

/** A room with so many messages of twenty people, as persisters would have left it, analysed and vacuumed. */
export async function largeRoom(apiUrl: string, databaseUrl: string, messages: number): Promise<LargeRoom> {
  const owner = await Person.register(apiUrl, `owner_${crypto.randomUUID().slice(0, 8)}`, 'Owner')
  const { id } = await owner.createRoom('Bench')
  const { db, close } = connect({
    url: databaseUrl,
    applicationName: 'roomlog-bench',
    statementTimeoutMs: 0,
  })
  try {
    await sql`INSERT INTO chat.users (id, username, display_name)
      SELECT ${idOf(sql`i`)}, 'sender_' || i, 'Sender ' || i FROM generate_series(0, ${SENDERS - 1}::int) i`.execute(
      db,
    )
    await sql`INSERT INTO chat.messages
        (room_id, seq, id, sender_id, client_msg_id, body, created_at, source_partition, source_offset)
      SELECT ${id}, i, ${idOf(sql`i`)}, ${idOf(sql`i % ${SENDERS}::int`)}, 'message-' || i,
             'This is message ' || i || ' of a room with very many of them. 안녕하세요 👋',
             now() - make_interval(secs => ${messages}::int - i), 0, i
      FROM generate_series(1, ${messages}::int) i`.execute(db)
    await sql`UPDATE chat.rooms SET last_seq = ${messages}::int, last_message_id = ${idOf(sql`${messages}::int`)}, last_message_at = now()
      WHERE id = ${id}`.execute(db)
    await sql`VACUUM ANALYZE`.execute(db)
    await sql`CHECKPOINT`.execute(db)
  } finally {
    await close()
  }
  return { id, owner, messages }
}

/** A ULID of a number. */
function idOf(number: ReturnType<typeof sql>) {
  return sql`lpad((${number})::text, 26, '0')`
}
