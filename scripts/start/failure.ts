export type StartFailureCode =
  | 'settings_invalid'
  | 'already_running'
  | 'port_in_use'
  | 'keys_unreadable'
  | 'command_failed'
  | 'service_not_ready'
  | 'database_moved'

/** A start that cannot go on. The message ends with the way out, and is all that a person sees. */
export class StartFailure extends Error {
  override readonly name = 'StartFailure'
  readonly code: StartFailureCode

  constructor(code: StartFailureCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? {} : { cause })
    this.code = code
  }
}

/** What to tell a person about any error, including those of the system that may come from everywhere. */
export function describeFailure(error: unknown, dataFolder: string): string {
  if (!(error instanceof Error)) return String(error)
  const code = 'code' in error ? String(error.code) : ''
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return `The disk that holds ${dataFolder} is full. Free some space there, or set ROOMLOG_DATA to a folder on another disk.`
  }
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') {
    return `This user may not write in ${dataFolder} (${code}). Start as the user it belongs to, or set ROOMLOG_DATA to a folder of your own.`
  }
  if (error instanceof StartFailure || error.name === 'EmbeddedPostgresError') return error.message
  return `${error.message}. Set LOG_LEVEL=debug to see where that comes from.`
}
