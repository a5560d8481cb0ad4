import { connect, type Database, migrate } from '@roomlog/db'
import { postgres, suiteOn, type TestPostgres } from '@roomlog/testkit'
import pino from 'pino'
import { afterAll, beforeAll } from 'vitest'
import { connectEventLog, connectLogReader, createTopics } from '../src/index.ts'
import { eventLogContract, type LogWorld, PARTITIONS, SESSION_TIMEOUT_MS } from './contract.ts'
import { logReaderContract, type ReaderWorld } from './reader-contract.ts'

suiteOn(['postgres'], 'the log on PostgreSQL', () => {
  const logger = pino({ enabled: false })
  const engine = 'embedded'
  let server: TestPostgres
  let database: Database
  let world: LogWorld & ReaderWorld

  beforeAll(async () => {
    server = await postgres()
    await migrate(server.url)
    database = connect({ url: server.url, applicationName: 'test' })
    const settings = { engine, partitions: PARTITIONS, database } as const
    world = {
      createTopics: async (namespace) => {
        await createTopics({ ...settings, namespace }, logger)
      },
      open: (given) =>
        connectEventLog(
          { ...settings, clientId: 'test', sessionTimeoutMs: SESSION_TIMEOUT_MS, ...given },
          logger,
        ),
      openReader: (namespace) => connectLogReader({ ...settings, namespace, clientId: 'test' }, logger),
      processSettings: (namespace) => ({
        engine,
        partitions: PARTITIONS,
        databaseUrl: server.url,
        sessionTimeoutMs: SESSION_TIMEOUT_MS,
        namespace,
      }),
    }
  })
  afterAll(async () => {
    await database.close()
    await server[Symbol.asyncDispose]()
  })

  eventLogContract(() => world)
  logReaderContract(() => world)
})
