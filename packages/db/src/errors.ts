/**
 * What a failed statement means for who sent it. `data`: these very values can never be stored (22*, 23* but a unique
 * violation, which is a race that a repeat sees settled); `schema`: the database is not what this build expects (42*, 3F*,
 * 0A*); `transient`: everything else — connections, restarts, full disks, deadlocks, time-outs — may succeed when repeated.
 */
export type FailureKind = 'data' | 'schema' | 'transient'

const UNIQUE_VIOLATION = '23505'

export function failureKind(error: unknown): FailureKind {
  const state = sqlState(error)
  if (state === undefined) return 'transient'
  if (state.startsWith('22')) return 'data'
  if (state.startsWith('23') && state !== UNIQUE_VIOLATION) return 'data'
  if (state.startsWith('42') || state.startsWith('3F') || state.startsWith('0A')) return 'schema'
  return 'transient'
}

export function isUniqueViolation(error: unknown): boolean {
  return sqlState(error) === UNIQUE_VIOLATION
}

/** The five-character SQLSTATE of a server's error; undefined for errors that did not come from the server. */
export function sqlState(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined
  const { code } = error
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) ? code : undefined
}

/**
 * Whether the database was away, busy or restarting, as opposed to a fault of the caller's. What the driver throws by
 * itself (a lost connection, a time-out) is a plain `Error` or has a system error's code; faults in code are subclasses.
 */
export function isUnavailable(error: unknown): boolean {
  if (!(error instanceof Error) || failureKind(error) !== 'transient') return false
  return 'code' in error || Object.getPrototypeOf(error) === Error.prototype
}
