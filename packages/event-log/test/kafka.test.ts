import { kafka, suiteOn, type TestKafka } from '@roomlog/testkit'
import pino from 'pino'
import { afterAll, beforeAll } from 'vitest'
import { connectEventLog, connectLogReader, createTopics } from '../src/index.ts'
import { eventLogContract, type LogWorld, PARTITIONS, SESSION_TIMEOUT_MS } from './contract.ts'
import { logReaderContract, type ReaderWorld } from './reader-contract.ts'

suiteOn(['kafka'], 'the log on Kafka', () => {
  const logger = pino({ enabled: false })
  const engine = 'full'
  let server: TestKafka
  let world: LogWorld & ReaderWorld

  beforeAll(async () => {
    server = await kafka()
    const settings = { engine, partitions: PARTITIONS, kafka: { brokers: server.brokers } } as const
    // Below the suite's own namespace, so that a broker which outlives the run is tidied.
    const within = (namespace: string) => `${server.namespace}.${namespace}`
    world = {
      createTopics: async (namespace) => {
        await createTopics({ ...settings, namespace: within(namespace) }, logger)
      },
      open: ({ namespace, ...given }) =>
        connectEventLog(
          {
            ...settings,
            clientId: 'test',
            sessionTimeoutMs: SESSION_TIMEOUT_MS,
            namespace: within(namespace),
            ...given,
          },
          logger,
        ),
      openReader: (namespace) =>
        connectLogReader({ ...settings, namespace: within(namespace), clientId: 'test' }, logger),
      // The least that brokers allow.
      processSettings: (namespace) => ({
        ...settings,
        namespace: within(namespace),
        sessionTimeoutMs: 6000,
      }),
    }
  })
  afterAll(async () => {
    await server[Symbol.asyncDispose]()
  })

  eventLogContract(() => world)
  logReaderContract(() => world)
})
