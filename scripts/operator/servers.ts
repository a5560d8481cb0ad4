import { connect, type Database } from '@roomlog/db'
import {
  connectEventLog,
  connectLogReader,
  type EventLog,
  EventLogError,
  type LogReader,
} from '@roomlog/event-log'
import { createLogger, type Logger } from '@roomlog/service-kit'
import { OperatorFailure, reasonOf } from './failure.ts'
import type { Target, TargetWithDatabase } from './settings.ts'

/** Longer than a service's: a thorough look may read whole rooms. */
const STATEMENT_TIMEOUT_MS = 60_000
const POOL_SIZE = 3
const OPEN_LOG_TIMEOUT_MS = 10_000
const SESSION_TIMEOUT_MS = 10_000

/** What an operator's command works with. */
export interface Servers extends AsyncDisposable {
  readonly target: Target
  readonly reader: LogReader
  readonly database: Database | undefined
  /** To append with; opened at the first call. */
  openLog(): Promise<EventLog>
}

export interface ServersWithDatabase extends Servers {
  readonly database: Database
}

/** Throws `OperatorFailure` or `EventLogError`, within seconds, when the servers cannot be used. */
export function openServers(target: TargetWithDatabase, name: string): Promise<ServersWithDatabase>
export function openServers(target: Target, name: string): Promise<Servers>
export async function openServers(target: Target, name: string): Promise<Servers> {
  await using stack = new AsyncDisposableStack()
  const logger = loggerFor(target, name)
  const database = await openDatabase(target, name)
  if (database !== undefined) stack.defer(() => database.close())
  const settings = { ...target, clientId: `roomlog-${name}`, database }
  const reader = await connectLogReader(settings, logger).catch((error: unknown) => {
    throw away(target, error)
  })
  stack.defer(() => reader.close())
  let log: Promise<EventLog> | undefined
  const openLog = () => {
    const signal = AbortSignal.timeout(OPEN_LOG_TIMEOUT_MS)
    log ??= connectEventLog({ ...settings, sessionTimeoutMs: SESSION_TIMEOUT_MS, signal }, logger)
    return log
  }
  stack.defer(async () => (await log?.catch(() => undefined))?.close())
  const everything = stack.move()
  return { target, reader, database, openLog, [Symbol.asyncDispose]: () => everything.disposeAsync() }
}

/** To standard error: standard output is the command's own. */
export function loggerFor({ logLevel }: Target, name: string): Logger {
  return createLogger({ name, level: logLevel, to: { write: (line) => void process.stderr.write(line) } })
}

async function openDatabase({ database: settings }: Target, name: string): Promise<Database | undefined> {
  if (settings === undefined) return undefined
  const database = connect({
    ...settings,
    applicationName: `roomlog-${name}`,
    poolSize: POOL_SIZE,
    statementTimeoutMs: STATEMENT_TIMEOUT_MS,
  })
  try {
    await database.ping()
    return database
  } catch (error) {
    await database.close()
    const { host, pathname } = new URL(settings.url)
    throw new OperatorFailure(
      `PostgreSQL at ${host}${pathname} cannot be used (${reasonOf(error)}). Start it, or correct DATABASE_URL and DATABASE_ROLE.`,
      { cause: error },
    )
  }
}

function away({ engine, kafka }: Target, error: unknown): unknown {
  if (engine === 'embedded' || error instanceof EventLogError) return error
  return new OperatorFailure(
    `Kafka at ${kafka?.brokers.join(', ')} does not answer (${reasonOf(error)}). Start it, or correct KAFKA_BROKERS.`,
    { cause: error },
  )
}
