import type { Database } from '@roomlog/db'
import { sql } from 'kysely'
import { OperatorFailure } from '../operator/failure.ts'

/** What a replica lacks would be taken for lost. Throws `OperatorFailure`. */
export async function refuseReplica({ db }: Database): Promise<void> {
  const { rows } = await sql<{ isReplica: boolean }>`SELECT pg_is_in_recovery() AS "isReplica"`.execute(db)
  if (rows[0]?.isReplica === true) {
    throw new OperatorFailure(
      'The database is a replica, which may lag behind the log. Set DATABASE_URL to the primary.',
    )
  }
}
