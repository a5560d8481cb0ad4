import { type Kysely, sql } from 'kysely'

const SCHEMA_LOCK = 7_264_001

/** One transaction at a time changes the schema or its grants; the lock ends with the transaction. */
export async function lockSchema(trx: Kysely<unknown>): Promise<void> {
  await sql`SELECT pg_advisory_xact_lock(${SCHEMA_LOCK})`.execute(trx)
}
