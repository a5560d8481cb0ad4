import { connect } from '@roomlog/db'
import { createTopics } from '@roomlog/event-log'
import {
  commonSettings,
  createLogger,
  integer,
  kafkaServers,
  kafkaSettings,
  needsOnFullEngine,
  needsWholeKafkaLogin,
  parseSettings,
} from '@roomlog/service-kit'
import { z } from 'zod'

const { ENGINE, NAMESPACE, DATABASE_URL, PARTITIONS, LOG_LEVEL } = commonSettings
const schema = z
  .object({
    ENGINE,
    NAMESPACE,
    PARTITIONS,
    LOG_LEVEL,
    ...kafkaSettings,
    DATABASE_URL: DATABASE_URL.optional(),
    REPLICATION_FACTOR: integer(1, 16).optional(),
  })
  .superRefine(needsOnFullEngine(['KAFKA_BROKERS']))
  .superRefine(needsWholeKafkaLogin)

try {
  const settings = parseSettings(schema, process.env)
  const database =
    settings.DATABASE_URL === undefined
      ? undefined
      : connect({ url: settings.DATABASE_URL, applicationName: 'roomlog-topics' })
  const { created } = await createTopics(
    {
      engine: settings.ENGINE,
      namespace: settings.NAMESPACE,
      partitions: settings.PARTITIONS,
      replicationFactor: settings.REPLICATION_FACTOR,
      database,
      kafka: kafkaServers(settings),
    },
    createLogger({ name: 'topics', level: settings.LOG_LEVEL === 'info' ? 'warn' : settings.LOG_LEVEL }),
  )
  await database?.close()
  console.log(created.length === 0 ? 'All topics are there.' : `Made ${created.join(', ')}`)
  process.exit(0)
} catch (error) {
  console.error(`topics: ${(error as Error).message}`)
  process.exit(1)
}
