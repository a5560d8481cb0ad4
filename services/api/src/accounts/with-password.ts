import type { Tables, UserRow } from '@roomlog/db'
import { ApiError } from '@roomlog/service-kit'
import type { Kysely, Transaction } from 'kysely'
import type { Passwords } from './passwords.ts'
import { accountOf } from './users.ts'

export type Account = { readonly id: string } | { readonly username: string }

export interface Proof {
  readonly account: Account
  readonly password: string
  readonly hold: 'shared' | 'alone'
  /** Aborts when nobody waits for it any more. */
  readonly signal: AbortSignal
}

export type Verified<T> =
  | { readonly user: UserRow; readonly done: { readonly result: T } }
  /** Whose password it is not, if there is such an account. */
  | { readonly user: UserRow | undefined; readonly done?: undefined }

const MAX_ATTEMPTS = 3
const RETRY_AFTER_S = 1

/**
 * Does `work` in a transaction that holds the account (shared, or alone) as it was when its password was verified, so
 * that nothing is done for a password that was changed, or an account that was deleted, in the moment between. Resolves
 * without `done` when it is not the account's password. Throws `unauthenticated` when there is no account of that id; an
 * unknown username costs the same work as a wrong password, so that its answer does not come sooner.
 */
export async function withPassword<T>(
  { db, passwords }: { readonly db: Kysely<Tables>; readonly passwords: Passwords },
  { account, password, hold, signal }: Proof,
  work: (trx: Transaction<Tables>, user: UserRow) => Promise<T>,
): Promise<Verified<T>> {
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
    const { found: user, isIts } = await passwords.verify(() => find(db, account), password, signal)
    if (!isIts || user === undefined) return { user }
    const done = await db.transaction().execute(async (trx) => {
      if (!(await isStill(trx, user, hold))) return undefined
      return { result: await work(trx, user) }
    })
    if (done !== undefined) return { user, done }
    // Another password, the same one under a renewed hash, or deleted: the next look tells.
  }
  throw new ApiError('unavailable', 'try again soon', { retryAfterS: RETRY_AFTER_S })
}

function find(db: Kysely<Tables>, account: Account): Promise<UserRow | undefined> {
  return 'id' in account ? accountOf(db, account.id) : accountNamed(db, account.username)
}

async function isStill(
  trx: Transaction<Tables>,
  { id, password_hash }: UserRow,
  hold: 'shared' | 'alone',
): Promise<boolean> {
  const query = trx
    .selectFrom('chat.users')
    .select('id')
    .where('id', '=', id)
    .where('password_hash', '=', password_hash)
    .where('deleted_at', 'is', null)
  const row = await (hold === 'shared' ? query.forShare() : query.forNoKeyUpdate()).executeTakeFirst()
  return row !== undefined
}

async function accountNamed(db: Kysely<Tables>, username: string): Promise<UserRow | undefined> {
  return db
    .selectFrom('chat.users')
    .selectAll()
    .where('username', '=', username.toLowerCase())
    .where('deleted_at', 'is', null)
    .executeTakeFirst()
}
