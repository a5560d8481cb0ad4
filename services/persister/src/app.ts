import { hostname } from 'node:os'
import { type ConnectOptions, connect, type Database, failureKind } from '@roomlog/db'
import { connectEventLog, type EventLog } from '@roomlog/event-log'
import { PERSISTER_GROUP } from '@roomlog/events'
import {
  createLogger,
  createMetrics,
  createServer,
  endProcess,
  health,
  type Logger,
  measureMember,
  measurePools,
  type Tracing,
} from '@roomlog/service-kit'
import type { FastifyInstance } from 'fastify'
import { Traces } from './batch/batch-trace.ts'
import { createBatchHandler } from './batch/handle-batch.ts'
import { messageStore, STORE_SESSION } from './batch/message-store.ts'
import { PausedPartitions } from './batch/paused-partitions.ts'
import type { Config } from './config.ts'
import { createConsumer } from './consumer.ts'
import { createPersisterMetrics } from './metrics.ts'

const SESSION_TIMEOUT_MS = 10_000
const LOG_POOL_SIZE = 5

export interface Overrides {
  readonly log?: Logger
  readonly openLog?: (signal: AbortSignal) => Promise<EventLog>
  /** Told when nothing will be stored any more; by default the process ends, to be started again. */
  readonly onFatal?: (error: Error) => void
  /** Undefined: no traces. */
  readonly tracing?: Tracing | undefined
}

/** The persister: health and metrics over HTTP, and the consumer, which begins when the application is ready. */
export async function buildApp(config: Config, overrides: Overrides = {}): Promise<FastifyInstance> {
  const log = overrides.log ?? createLogger({ name: 'persister', level: config.logLevel })
  const isEmbedded = config.eventLog.engine === 'embedded'
  const registry = createMetrics()
  const paused = new PausedPartitions()
  const metrics = createPersisterMetrics(registry, () => paused.count)

  if (config.database.role === undefined) log.warn('DATABASE_ROLE is not set: working as the login itself')
  const database = open(config, log, STORE_SESSION)
  // Apart: storing transactions that fill their pool must not cost the log its leases.
  const logDatabase = isEmbedded ? open(config, log, { poolSize: LOG_POOL_SIZE }) : undefined
  const logSettings = {
    ...config.eventLog,
    clientId: `roomlog-persister-${hostname()}`,
    sessionTimeoutMs: SESSION_TIMEOUT_MS,
    database: logDatabase,
  }
  const store = messageStore(database.db)
  const traces = overrides.tracing && new Traces(overrides.tracing, config.eventLog)
  const consumer = createConsumer({
    openLog: overrides.openLog ?? ((signal) => connectEventLog({ ...logSettings, signal }, log)),
    handlerFor: (eventLog) => createBatchHandler({ store, eventLog, log, metrics, paused, traces }),
    onFatal: overrides.onFatal ?? endProcess,
    logger: log,
  })

  measureMember(registry, PERSISTER_GROUP, () => consumer.health())
  measurePools(registry, {
    main: () => database.pool(),
    ...(logDatabase === undefined ? {} : { log: () => logDatabase.pool() }),
  })

  const app = await createServer({
    log,
    isUnavailable: (error) => failureKind(error) === 'transient',
    metrics: registry,
  })
  await app.register(health, {
    checks: {
      database: () => database.ping(),
      // The embedded log is the database.
      ...(isEmbedded ? {} : { kafka: () => consumer.ping() }),
    },
    notReady: () => consumer.notReady(),
    metrics: registry,
  })
  app.addHook('onReady', async () => consumer.start())
  app.addHook('onClose', async () => {
    await consumer.stop()
    await logDatabase?.close()
    await database.close()
  })
  return app
}

function open({ database }: Config, log: Logger, options: Partial<ConnectOptions> = {}): Database {
  return connect({ ...database, ...options, applicationName: 'roomlog-persister' }, log)
}
