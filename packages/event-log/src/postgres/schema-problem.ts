import { failureKind } from '@roomlog/db'
import { EventLogError } from '../errors.ts'

/** Rethrows: a database without our tables, or that keeps us from them, stays so however long one waits. */
export function schemaProblem(cause: unknown): never {
  if (failureKind(cause) !== 'schema') throw cause
  const reason = cause instanceof Error ? cause.message : String(cause)
  throw new EventLogError(
    'not_permitted',
    `The log's tables cannot be used (${reason}). Run: npm run migrate`,
    { cause },
  )
}
