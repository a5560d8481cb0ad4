import { randomUUID } from 'node:crypto'
import { availableParallelism } from 'node:os'
import { ApiError } from '@roomlog/service-kit'
import argon2 from 'argon2'
import { type SlotCounts, Slots } from '../slots.ts'

/** RFC 9106's second choice for memory-constrained servers, at the size that OWASP names: 19 MiB, two passes. */
const PARAMETERS = { type: argon2.argon2id, memoryCost: 19_456, timeCost: 2, parallelism: 1 } as const
/** Node's default size of the pool that also serves files, DNS and zlib: two threads are left to those. */
const THREAD_POOL_SIZE = 4
const MAX_RUNNING = Math.max(1, Math.min(availableParallelism(), THREAD_POOL_SIZE - 2))
/** Two seconds of work at 25 ms a hash. */
const MAX_WAITING = 80 * MAX_RUNNING
const RETRY_AFTER_S = 3
const tooMany = () => new ApiError('unavailable', 'too many logins at once', { retryAfterS: RETRY_AFTER_S })

export interface HasPassword {
  readonly password_hash: string | null
}

export interface Passwords {
  /** With a signal that aborts while it waits for its turn, it is never made, and the promise never settles. */
  hash(password: string, signal?: AbortSignal): Promise<string>
  /**
   * Whether it is the password of whom `find` resolves with. Without a hash (no such account) the work is the same, the
   * answer false. It is looked for when its turn has come: who is refused costs the database nothing. `signal` as of `hash`.
   */
  verify<T extends HasPassword>(
    find: () => Promise<T | undefined>,
    password: string,
    signal?: AbortSignal,
  ): Promise<{ readonly found: T | undefined; readonly isIts: boolean }>
  /** Whether the hash was made with other parameters than today's. */
  isOutdated(hash: string): boolean
  /** How many are at work now. */
  counts(): SlotCounts
}

/** Hashes at most as many at once as leave threads to others; beyond a bounded queue, 503. */
export async function passwordHasher(): Promise<Passwords> {
  const slots = new Slots(MAX_RUNNING, MAX_WAITING)
  const decoy = await argon2.hash(randomUUID(), PARAMETERS)
  return {
    hash: (password, signal) => slots.run(() => argon2.hash(password, PARAMETERS), tooMany, signal),
    verify: (find, password, signal) =>
      slots.run(
        async () => {
          const found = await find()
          const stored = found?.password_hash ?? null
          const matches = await argon2.verify(stored ?? decoy, password)
          return { found, isIts: matches && stored !== null }
        },
        tooMany,
        signal,
      ),
    isOutdated: (stored) => argon2.needsRehash(stored, PARAMETERS),
    counts: () => slots.counts,
  }
}
