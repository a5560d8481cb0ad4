import type { Database } from '@roomlog/db'
import { sql } from 'kysely'
import { OperatorFailure } from './failure.ts'

/** Throws `OperatorFailure` where this is no primary, or the login may not do what services never do. */
export async function refuseUnready(db: Database['db']): Promise<void> {
  const { rows } = await sql<{ isRecovering: boolean; mayUpdate: boolean }>`
    SELECT pg_is_in_recovery() AS "isRecovering",
           has_table_privilege('chat.cluster', 'UPDATE') AS "mayUpdate"`.execute(db)
  if (rows[0]?.isRecovering === true) {
    throw new OperatorFailure(
      'The database is still in recovery, or is a replica. Let it become the primary (SELECT pg_promote()), then run this again.',
    )
  }
  if (rows[0]?.mayUpdate !== true) {
    throw new OperatorFailure(
      'This login may not replace the epoch. Use the one that ran npm run migrate, and leave DATABASE_ROLE unset.',
    )
  }
}
