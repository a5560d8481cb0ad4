import { connect } from '@roomlog/db'
import { createTopics } from '@roomlog/event-log'
import {
  BESIDE_OTHERS,
  createLogger,
  kafkaServers,
  needsOnFullEngine,
  needsWholeKafkaLogin,
  parseSettings,
} from '@roomlog/service-kit'
import { z } from 'zod'
import { settings as topicSettings } from './topic-settings.ts'

const schema = z
  .object(topicSettings)
  .superRefine(needsOnFullEngine(['KAFKA_BROKERS']), BESIDE_OTHERS)
  .superRefine(({ ENGINE, DATABASE_URL }, context) => {
    if (ENGINE === 'full' || DATABASE_URL !== undefined) return
    context.addIssue({ code: 'custom', path: ['DATABASE_URL'], message: 'is required with ENGINE=embedded' })
  })
  .superRefine(needsWholeKafkaLogin, BESIDE_OTHERS)

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
