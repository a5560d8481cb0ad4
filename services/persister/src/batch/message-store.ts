import { type ConnectOptions, isUniqueViolation, type Tables } from '@roomlog/db'
import type { Kysely } from 'kysely'
import { type JudgedRow, type LockedRoom, lockRooms, type NewRow, storeRows } from './store-sql.ts'

/** A writer that hangs in the middle must not hold its rooms for as long as its connection lives: the server ends it. */
export const STORE_SESSION = { idleInTransactionTimeoutMs: 5000 } as const satisfies Partial<ConnectOptions>

/**
 * Another row has a number or a key that was free when it was looked at under the lock: somebody wrote without the lock,
 * or a room's head is behind its messages. Nothing was stored.
 */
export class StoreConflict extends Error {
  override readonly name = 'StoreConflict'
  readonly code = 'store_conflict'
}

/** Where messages are stored: the two statements of a storing transaction, and what is around them. */
export interface MessageStore {
  /**
   * Runs `work` in one transaction, each statement of which sees what was committed before that statement began. Commits
   * when `work` resolves and rolls back when it rejects. Rejects as `work` does and with the driver's errors; of one at
   * the commit it is not known whether it came before or after.
   */
  transaction<T>(work: (trx: StoreTransaction) => Promise<T>): Promise<T>
}

export interface StoreTransaction {
  /** Waits until these rooms are this transaction's alone, until its end; answers those that exist. */
  lockRooms(roomIds: readonly string[]): Promise<readonly LockedRoom[]>
  /** Judges, numbers and inserts; one answer for each row given, in order. The rooms must be locked. Rejects with `StoreConflict`. */
  storeRows(roomIds: readonly string[], rows: readonly NewRow[]): Promise<readonly JudgedRow[]>
}

/** `db` has sessions as `STORE_SESSION` wants them. */
export function messageStore(db: Kysely<Tables>): MessageStore {
  return {
    transaction: (work) =>
      // Whatever the server's default is: only here does a statement see what was committed while the one before waited.
      db
        .transaction()
        .setIsolationLevel('read committed')
        .execute((trx) =>
          work({
            lockRooms: async (roomIds) => (await lockRooms(roomIds).execute(trx)).rows,
            storeRows: async (...args) =>
              (
                await storeRows(...args)
                  .execute(trx)
                  .catch(orConflict)
              ).rows,
          }),
        ),
  }
}

function orConflict(error: unknown): never {
  if (!isUniqueViolation(error)) throw error
  throw new StoreConflict('a row that was judged new is there already', { cause: error })
}
