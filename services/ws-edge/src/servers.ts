import { type ConnectOptions, connect, type Database } from '@roomlog/db'
import { connectEventLog, type EventLog } from '@roomlog/event-log'
import { connectLive, type Live } from '@roomlog/live'
import type { Logger } from '@roomlog/service-kit'
import type { Config } from './config.ts'

/** Kafka's least: an edge that was killed finds its group free again after it. */
const SESSION_TIMEOUT_MS = 6_000
const LOG_POOL_SIZE = 5

export interface ServersOverrides {
  readonly live?: Live
  readonly openLog?: (signal: AbortSignal) => Promise<EventLog>
}

/** What an edge works with: the database, the live store, and the way to the log. Connects when it is first asked something. */
export function openServers(config: Config, log: Logger, overrides: ServersOverrides) {
  const isEmbedded = config.eventLog.engine === 'embedded'
  const database = open(config, log)
  // Apart: reads of many joins that fill their pool must not cost the log its leases.
  const logDatabase = isEmbedded ? open(config, log, { poolSize: LOG_POOL_SIZE }) : undefined
  const live = overrides.live ?? connectLive({ ...config.live, database }, log)
  const logSettings = {
    ...config.eventLog,
    clientId: `roomlog-edge-${config.edgeId}`,
    sessionTimeoutMs: SESSION_TIMEOUT_MS,
    database: logDatabase,
  }
  return {
    /** The log and the live store are the database, too. */
    isEmbedded,
    database,
    live,
    openLog: overrides.openLog ?? ((signal) => connectEventLog({ ...logSettings, signal }, log)),
    pools: {
      main: () => database.pool(),
      ...(logDatabase === undefined ? {} : { log: () => logDatabase.pool() }),
    },
    /** After all that works with them has stopped. */
    close: async () => {
      await live.close()
      await logDatabase?.close()
      await database.close()
    },
  }
}

function open({ database }: Config, log: Logger, options: Partial<ConnectOptions> = {}): Database {
  return connect({ ...database, ...options, applicationName: 'roomlog-ws-edge' }, log)
}
