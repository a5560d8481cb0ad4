export type EmbeddedPostgresErrorCode =
  /** No binaries in npm for this platform, or they were not installed. */
  | 'binaries_missing'
  /** The binaries are there but do not run. */
  | 'binaries_unusable'
  /** This process is root and finds nobody to run PostgreSQL as. */
  | 'no_unprivileged_user'
  /** The data folder belongs to somebody else or cannot be reached by who must. */
  | 'folder_closed'
  /** Another start or another server holds the data. */
  | 'locked'
  /** The data were written by another major version. */
  | 'other_version'
  | 'disk_full'
  | 'not_started'
  /** A server that ran has ended without being told to. */
  | 'died'

/** Every message is one sentence or two, the last of which says the way out. */
export class EmbeddedPostgresError extends Error {
  override readonly name = 'EmbeddedPostgresError'
  readonly code: EmbeddedPostgresErrorCode

  constructor(code: EmbeddedPostgresErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? {} : { cause })
    this.code = code
  }
}

/** `error` as it is when it is one of ours; a full disk and a closed folder by their names; otherwise `not_started`. */
export function asEmbeddedPostgresError(error: unknown, folder: string): EmbeddedPostgresError {
  if (error instanceof EmbeddedPostgresError) return error
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  if (code === 'ENOSPC' || code === 'EDQUOT') return diskFull(folder, error)
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') {
    return new EmbeddedPostgresError(
      'folder_closed',
      `PostgreSQL's data folder ${folder} cannot be used by this user (${code}). Start as the user it belongs to, or set ROOMLOG_DATA to a folder of your own.`,
      error,
    )
  }
  const reason = error instanceof Error ? error.message : String(error)
  return new EmbeddedPostgresError(
    'not_started',
    `PostgreSQL in ${folder} did not start (${reason}). Mend that, or set DATABASE_URL to a PostgreSQL of your own.`,
    error,
  )
}

export function diskFull(folder: string, cause?: unknown): EmbeddedPostgresError {
  return new EmbeddedPostgresError(
    'disk_full',
    `The disk that holds ${folder} is full. Free some space there (PostgreSQL needs about 200 MB), or set ROOMLOG_DATA to a folder on another disk.`,
    cause,
  )
}
