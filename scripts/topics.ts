import { connect } from '@roomlog/db'
import { createTopics } from '@roomlog/event-log'
import { createLogger, kafkaServers, parseSettings } from '@roomlog/service-kit'
import { schema } from './topic-settings.ts'

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
