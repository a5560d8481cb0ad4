import { type Database, sqlState } from '@roomlog/db'
import { sql } from 'kysely'
import { OperatorFailure } from '../operator/failure.ts'

/** Of each database. */
const AUDIT_LOCK = 7_264_002

const LOCK_NOT_AVAILABLE = '55P03'

/**
 * One audit of a database at a time, until it is disposed: two would tell the same and repair it twice. Waits
 * `patienceMs`, at least 1, for another one to end, then throws `OperatorFailure`.
 */
export async function takeTurn(database: Database, patienceMs: number): Promise<AsyncDisposable> {
  const client = await database.dedicated()
  const end = () => client.release(true)
  try {
    await client.query("SELECT set_config('lock_timeout', $1, false)", [String(patienceMs)])
    await client.query('SELECT pg_advisory_lock($1)', [AUDIT_LOCK])
  } catch (error) {
    end()
    if (sqlState(error) !== LOCK_NOT_AVAILABLE) throw error
    throw new OperatorFailure('Another audit of this database is running. Wait until it has ended.', {
      cause: error,
    })
  }
  // At once: the server hears of a closed connection a moment later.
  const giveUp = () => client.query('SELECT pg_advisory_unlock($1)', [AUDIT_LOCK]).then(end, end)
  return { [Symbol.asyncDispose]: giveUp }
}

/** What a replica lacks would be taken for lost. Throws `OperatorFailure`. */
export async function refuseReplica({ db }: Database): Promise<void> {
  const { rows } = await sql<{ isReplica: boolean }>`SELECT pg_is_in_recovery() AS "isReplica"`.execute(db)
  if (rows[0]?.isReplica === true) {
    throw new OperatorFailure(
      'The database is a replica, which may lag behind the log. Set DATABASE_URL to the primary.',
    )
  }
}
