import { Kysely, PostgresDialect, type PostgresPool, type PostgresPoolClient } from 'kysely'
import pg from 'pg'
import type { Logger } from 'pino'
import { sqlState } from './errors.ts'
import type { Tables } from './tables.ts'

// int8: seqs, offsets and counts stay below 2^53, and a string would be compared as text.
pg.types.setTypeParser(pg.types.builtins.INT8, Number)

export interface ConnectOptions {
  readonly url: string
  /** The role the session works as (`-c role=`); undefined: the login's own. */
  readonly role?: string | undefined
  readonly applicationName: string
  /** Connections at most; default 10. */
  readonly poolSize?: number
  /** Milliseconds until the server ends a session that stands still in a transaction, and holds its locks; default: never. */
  readonly idleInTransactionTimeoutMs?: number
  /** Milliseconds until the server ends a statement (default 5000); the client gives up 500 ms later, for a server that does not answer at all. 0: no bound. */
  readonly statementTimeoutMs?: number
}

const STATEMENT_TIMEOUT_MS = 5000
const CONNECT_TIMEOUT_MS = 2000
const CLIENT_GRACE_MS = 500
/**
 * Just-in-time compiling costs 50 ms at a first plan, for statements that run 10. And in other zones than UTC times of long
 * ago are written with offsets that JavaScript does not read.
 */
const SESSION = ['jit=off', 'TimeZone=UTC'] as const

export type DedicatedClient = pg.PoolClient

export interface Database {
  readonly db: Kysely<Tables>
  /** A connection of one's own, for LISTEN; give it back with `release(true)`. */
  dedicated(): Promise<DedicatedClient>
  /** Resolves when the server answers; rejects with the reason when not. */
  ping(): Promise<void>
  /** Connections now, and who waits for one. */
  pool(): { readonly open: number; readonly idle: number; readonly waiting: number }
  close(): Promise<void>
}

/**
 * Opens a pool; connects at the first query. `log` is told of connections that are lost while nobody uses them, as when the
 * server restarts: the pool replaces them by itself.
 */
export function connect(options: ConnectOptions, log?: Pick<Logger, 'warn'>): Database {
  const timeoutMs = options.statementTimeoutMs ?? STATEMENT_TIMEOUT_MS
  const pool = new pg.Pool({
    connectionString: options.url,
    application_name: options.applicationName,
    max: options.poolSize ?? 10,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    keepAlive: true,
    options: [...SESSION, ...(options.role === undefined ? [] : [`role=${options.role}`])]
      .map((setting) => `-c ${setting}`)
      .join(' '),
    ...(options.idleInTransactionTimeoutMs === undefined
      ? {}
      : { idle_in_transaction_session_timeout: options.idleInTransactionTimeoutMs }),
    ...(timeoutMs === 0 ? {} : { statement_timeout: timeoutMs, query_timeout: timeoutMs + CLIENT_GRACE_MS }),
  })
  // Without a listener the error of a lost connection ends the process: the pool's hears of idle ones; one that is in use
  // tells whoever waits for its answer, but between two statements of a transaction nobody does.
  pool.on('error', (err) => log?.warn({ err }, 'database connection lost'))
  pool.on('connect', (client) => client.on('error', () => undefined))
  const db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool: discardingBroken(pool) }) })
  let closing: Promise<void> | undefined
  return {
    db,
    dedicated: () => pool.connect(),
    ping: async () => {
      await pool.query('SELECT 1')
    },
    pool: () => ({ open: pool.totalCount, idle: pool.idleCount, waiting: pool.waitingCount }),
    close: () => {
      closing ??= db.destroy().then(() => pool.end())
      return closing
    },
  }
}

/**
 * Begins the text of a statement that runs often: a connection has it parsed once, and the server may keep its plan. Its
 * columns must be named, since a `*` becomes another type with a column that a migration adds; and its text be one of few.
 */
const PREPARED = '/* prepared */'
const names = new Map<string, string>()

function statementOf(text: string): { readonly text: string; readonly name?: string } {
  if (!text.startsWith(PREPARED)) return { text }
  const name = names.get(text) ?? `roomlog_${names.size}`
  names.set(text, name)
  return { text, name }
}

/**
 * A connection that failed without a word of the server's (a time-out, a lost answer) is never used again: what came next
 * on it would wait behind the lost answer, and the pool gives out first what came back last.
 */
function discardingBroken(pool: pg.Pool): PostgresPool {
  return {
    options: pool.options,
    // Whoever made the pool ends it: kysely would not, of a pool that it has not used.
    end: async () => undefined,
    connect: async () => {
      const client = await pool.connect()
      let isBroken = false
      const query = async (text: string, parameters: readonly unknown[]) => {
        try {
          return await client.query({ ...statementOf(text), values: [...parameters] })
        } catch (error) {
          isBroken ||= sqlState(error) === undefined
          throw error
        }
      }
      const release = (destroy = false) => client.release(destroy || isBroken)
      // Kysely's type asks for cursors too, which nobody here opens.
      return { query, release } as unknown as PostgresPoolClient
    },
  }
}
