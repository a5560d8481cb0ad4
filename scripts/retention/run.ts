import type { Database } from '@roomlog/db'
import { lowestId } from '@roomlog/protocol'
import { type RawBuilder, sql } from 'kysely'
import { EXIT, type ExitCode } from '../operator/failure.ts'
import { refuseUnready } from '../operator/primary.ts'
import type { Options } from './options.ts'

/** Each batch is a transaction of its own: nobody waits for more, and what is done stays done. */
const BATCH_ROWS = 1000
/** Until then who logs out of a session that has ended by itself is told that it had. */
const ENDED_SESSIONS = sql`expires_at < now() - interval '30 days'`

type Db = Database['db']

export async function retain({ db }: Database, { olderThanMs, isMeant }: Options): Promise<ExitCode> {
  await refuseUnready(db)
  // An id has the time at which it was stored, by a persister's clock, and rises within its room.
  const before = olderThanMs === undefined ? undefined : lowestId(Date.now() - olderThanMs)
  const bodies = before === undefined ? 0 : await bodiesBelow(db, before, isMeant)
  const sessions = isMeant ? await removeSessions(db) : await countSessions(db)
  const said = `${bodies} bodies of messages and ${sessions} ended sessions`
  if (isMeant) console.log(`Removed ${said}.`)
  else console.log(`There are ${said} to remove. Nothing was changed. To do it: again, with --yes`)
  return isMeant || bodies + sessions === 0 ? EXIT.clean : EXIT.findings
}

/** Room by room, as every query on messages is. Resolves with how many there were. */
async function bodiesBelow(db: Db, before: string, isMeant: boolean): Promise<number> {
  let bodies = 0
  for (let after = ''; ; ) {
    const rooms = await roomsAfter(db, after)
    for (const room of rooms) bodies += await bodiesIn(db, room, before, isMeant)
    if (rooms.length < BATCH_ROWS) return bodies
    after = rooms.at(-1) ?? after
  }
}

async function roomsAfter(db: Db, after: string): Promise<readonly string[]> {
  const rooms = db.selectFrom('chat.rooms').select('id').where('id', '>', after).where('last_seq', '>', 0)
  return (await rooms.orderBy('id').limit(BATCH_ROWS).execute()).map(({ id }) => id)
}

async function bodiesIn(db: Db, roomId: string, before: string, isMeant: boolean): Promise<number> {
  let bodies = 0
  for (let after = ''; ; ) {
    const batch = sql`SELECT id, body FROM chat.messages
      WHERE room_id = ${roomId} AND id > ${after} AND id < ${before} ORDER BY id LIMIT ${BATCH_ROWS}`
    const found = await (isMeant ? emptied(db, roomId, batch) : counted(db, batch))
    bodies += found.bodies
    if (found.last === null) return bodies
    after = found.last
  }
}

interface Found {
  readonly bodies: number
  /** Of the batch; null where it was empty. */
  readonly last: string | null
}

async function counted(db: Db, batch: RawBuilder<unknown>): Promise<Found> {
  const { rows } = await sql<Found>`
    SELECT count(*) FILTER (WHERE body <> '') AS bodies, max(id) AS last FROM (${batch}) b`.execute(db)
  return rows[0] ?? { bodies: 0, last: null }
}

async function emptied(db: Db, roomId: string, batch: RawBuilder<unknown>): Promise<Found> {
  const { rows } = await sql<Found>`
    WITH batch AS (${batch}), emptied AS (
      UPDATE chat.messages m SET body = '' FROM batch b
      WHERE m.room_id = ${roomId} AND m.id = b.id AND m.body <> '' RETURNING 1)
    SELECT (SELECT count(*) FROM emptied) AS bodies, (SELECT max(id) FROM batch) AS last`.execute(db)
  return rows[0] ?? { bodies: 0, last: null }
}

async function countSessions(db: Db): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    SELECT count(*) AS count FROM chat.refresh_families WHERE ${ENDED_SESSIONS}`.execute(db)
  return rows[0]?.count ?? 0
}

/** Their tokens go with them. */
async function removeSessions(db: Db): Promise<number> {
  let removed = 0
  for (;;) {
    const { rows } = await sql`
      DELETE FROM chat.refresh_families WHERE id IN (
        SELECT id FROM chat.refresh_families WHERE ${ENDED_SESSIONS} LIMIT ${BATCH_ROWS}) RETURNING 1`.execute(
      db,
    )
    removed += rows.length
    if (rows.length === 0) return removed
  }
}
