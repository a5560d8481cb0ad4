import { randomFillSync } from 'node:crypto'
import { monotonicFactory } from 'ulid'
import { z } from 'zod'

export const ID_LENGTH = 26
/** A ULID: 26 characters of Crockford's base 32, upper case; sorts by time as text in the C collation. */
export const idSchema = z.string().regex(/^[0-7][0-9A-HJKMNP-TV-Z]{25}$/, 'must be a ULID')

export const clientMsgIdSchema = z
  .string()
  .regex(/^[A-Za-z0-9_-]{8,64}$/, 'must be 8 to 64 of A-Z a-z 0-9 _ -')

const POOL_BYTES = 8192

/**
 * A random source for `ulid` that draws from a pool: its own asks the operating system once per character
 * (measured 38 µs an id; 0.5 µs with the pool).
 */
export function pooledRandom(): () => number {
  const pool = new Uint8Array(POOL_BYTES)
  let next = POOL_BYTES
  return () => {
    if (next === POOL_BYTES) {
      randomFillSync(pool)
      next = 0
    }
    const byte = pool[next] ?? 0
    next += 1
    return byte / 256
  }
}

const random = pooledRandom()
const monotonic = monotonicFactory(random)

/** A new ULID, rising within this process; `timeMs` defaults to now. */
export function newId(timeMs?: number): string {
  return monotonic(timeMs)
}
