import { sqlState } from '@roomlog/db'
import { EventLogError } from '@roomlog/event-log'
import { SettingsError } from '@roomlog/service-kit'

/** What the commands say with their exit codes. */
export const EXIT = { clean: 0, findings: 1, failed: 2 } as const
export type ExitCode = (typeof EXIT)[keyof typeof EXIT]

/** The command could not do its work. The message is a sentence that ends with the way out, and all that a person sees. */
export class OperatorFailure extends Error {
  override readonly name = 'OperatorFailure'
}

/** The arguments make no sense; the usage is shown with it. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

const NOT_ALLOWED = '42501'

/** One or more sentences for a person; no secret is in what they are made of. */
export function describeFailure(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  if (error instanceof OperatorFailure || error instanceof EventLogError || error instanceof SettingsError) {
    return error.message
  }
  const state = sqlState(error)
  if (state === NOT_ALLOWED) {
    return `The database does not permit it (${error.message}). Leave DATABASE_ROLE unset or set it to roomlog_edge, which may read messages and use the log.`
  }
  if (state?.startsWith('42'))
    return `The database is not what this build expects (${error.message}). Run: npm run migrate`
  return `${reasonOf(error)}. Nothing is lost by it: run the command again; LOG_LEVEL=debug tells more.`
}

/** The innermost reason, for errors whose own message is empty, as that of several refused connections. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  if (error instanceof AggregateError && error.message === '') {
    return [...new Set(error.errors.map(reasonOf))].join(', ')
  }
  return error.message.replace(/\.$/, '') || error.name
}
