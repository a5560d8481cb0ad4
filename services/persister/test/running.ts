import { ROLES } from '@roomlog/db'
import { connectEventLog, createTopics, type EventLog, type LogRecord } from '@roomlog/event-log'
import { type FaultProxy, faultProxy, follow, kafka, suiteLog, type TestKafka } from '@roomlog/testkit'
import type { FastifyInstance } from 'fastify'
import { pino } from 'pino'
import { expect } from 'vitest'
import { buildApp, type Overrides } from '../src/app.ts'
import { type Config, parseConfig } from '../src/config.ts'
import { type TestDatabase, testDatabase } from './support.ts'

export const PARTITIONS = 3
export const PATIENCE = { timeout: 20_000 }
const silent = pino({ level: 'silent' })

/** Servers of an engine, persisters on them, and what the log gets to hold. */
export interface PersisterWorld extends AsyncDisposable {
  readonly database: TestDatabase
  readonly broker: TestKafka | undefined
  /** In front of the database, for the persisters alone. */
  readonly proxy: FaultProxy
  readonly config: Config
  /** The tests' own, past the proxy. */
  readonly eventLog: EventLog
  /** All that these topics have, as it comes. */
  readonly persisted: readonly LogRecord[]
  readonly deadLetters: readonly LogRecord[]
  readonly start: (overrides?: Overrides, changed?: Partial<Config>) => Promise<FastifyInstance>
  /** All that were started. */
  readonly stop: () => Promise<void>
}

export async function persisterWorld(engine: 'embedded' | 'full'): Promise<PersisterWorld> {
  await using stack = new AsyncDisposableStack()
  const database = stack.use(await testDatabase())
  const broker = engine === 'full' ? stack.use(await kafka()) : undefined
  const proxy = stack.use(await faultProxy(database.url))
  const config = parseConfig({
    ENGINE: engine,
    DATABASE_URL: proxy.url,
    DATABASE_ROLE: ROLES.persister,
    KAFKA_BROKERS: broker?.brokers.join(','),
    NAMESPACE: broker?.namespace,
    PARTITIONS: String(PARTITIONS),
    PORT: '0',
    LOG_LEVEL: 'silent',
  })
  const direct = { ...config.eventLog, database: database.admin }
  await createTopics({ ...direct, replicationFactor: 1 }, silent)
  const eventLog = await connectEventLog({ ...direct, clientId: 'test', sessionTimeoutMs: 10_000 }, silent)
  stack.defer(() => eventLog.close())
  const running: FastifyInstance[] = []
  const stop = async () => {
    for (const app of running.splice(0)) await app.close()
  }
  stack.defer(stop)
  const persisted = await follow(eventLog, 'persisted')
  const deadLetters = await follow(eventLog, 'deadLetters')
  const owned = stack.move()
  return {
    database,
    broker,
    proxy,
    config,
    eventLog,
    persisted,
    deadLetters,
    start: async (overrides = {}, changed = {}) => {
      const onFatal = (error: Error) => expect.fail(String(error.cause))
      const app = await buildApp({ ...config, ...changed }, { log: suiteLog(), onFatal, ...overrides })
      running.push(app)
      await app.listen({ host: config.host, port: config.port })
      return app
    },
    stop,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}
