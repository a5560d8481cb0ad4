/** How long things last, in milliseconds; tests shorten them. */
export interface PresenceTimes {
  /** A socket's presence, from its last sign of life. */
  readonly socketTtlMs: number
  /** From a user's last closed socket until it is looked whether they are gone: a reload takes less. */
  readonly graceMs: number
}

export const PRESENCE_TIMES: PresenceTimes = { socketTtlMs: 60_000, graceMs: 10_000 }

/** No call waits longer for a store that is away. */
export const CALL_TIMEOUT_MS = 500

/** One call to the store carries at most so many sockets or users. */
const SLICE = 500

export function slices<T>(items: readonly T[], size = SLICE): readonly (readonly T[])[] {
  const count = Math.ceil(items.length / size)
  return Array.from({ length: count }, (_, i) => items.slice(i * size, (i + 1) * size))
}
