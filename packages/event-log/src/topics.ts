import type { Database } from '@roomlog/db'
import type { Logger } from 'pino'
import { noServer } from './errors.ts'
import { createKafkaTopics, LOOKS_AFTER_MAKING, verifyTopics } from './kafka/topics.ts'
import { type KafkaSettings, kafkaClients } from './kafka.ts'
import { createPostgresTopics } from './postgres/topics.ts'
import { retryForEver } from './retry.ts'

export interface TopicSettings {
  readonly engine: 'embedded' | 'full'
  readonly namespace: string
  readonly partitions: number
  /** Of engine `full`. */
  readonly kafka?: KafkaSettings | undefined
  /** Of engine `full`: copies of each record; default 3, or as many brokers as there are. */
  readonly replicationFactor?: number | undefined
  /** Of engine `embedded`. */
  readonly database?: Database | undefined
  readonly signal?: AbortSignal | undefined
}

const KAFKA_CLIENT_ID = 'roomlog-topics'

/**
 * Makes the topics that are missing; safe to repeat and to race. Waits for a server that is away. Rejects with an
 * `EventLogError` when a topic has another number of partitions.
 */
export async function createTopics(
  settings: TopicSettings,
  logger: Logger,
): Promise<{ readonly created: readonly string[] }> {
  const create = creator(settings, logger)
  const onError = (err: unknown) => logger.warn({ err }, 'could not make the topics; trying on')
  // A try that failed in the middle has made some already.
  const created = new Set<string>()
  await retryForEver(() => create(created), { signal: settings.signal, onError })
  return { created: [...created] }
}

function creator(settings: TopicSettings, logger: Logger): (created: Set<string>) => Promise<void> {
  const { engine, kafka, database } = settings
  if (engine === 'full' && kafka !== undefined) return (created) => onKafka(kafka, settings, logger, created)
  if (engine === 'embedded' && database !== undefined) {
    return (created) => createPostgresTopics(database.db, settings, created)
  }
  throw noServer(engine)
}

async function onKafka(
  kafka: KafkaSettings,
  settings: TopicSettings,
  logger: Logger,
  created: Set<string>,
): Promise<void> {
  const { admin } = kafkaClients(KAFKA_CLIENT_ID, kafka, logger)
  try {
    await admin.connect()
    await createKafkaTopics(admin, settings, created)
    await verifyTopics(admin, settings.namespace, settings.partitions, LOOKS_AFTER_MAKING)
  } finally {
    await admin.disconnect()
  }
}
