import { namespaced, TOPICS } from '@roomlog/events'
import type { Logger } from 'pino'
import { EngineLog, type EngineLogSettings, type LogEngine } from '../engine-log.ts'
import { type KafkaClients, type KafkaSettings, kafkaClients } from '../kafka.ts'
import type { EventLog } from '../port.ts'
import { retryForEver, unlessAborted, within } from '../retry.ts'
import { Produce } from './produce.ts'
import { KafkaSubscription } from './subscription.ts'
import { verifyTopics } from './topics.ts'

const DISCONNECT_TIMEOUT_MS = 500

export interface KafkaLogSettings extends EngineLogSettings {
  readonly kafka: KafkaSettings
  readonly clientId: string
  readonly sessionTimeoutMs: number
  readonly signal?: AbortSignal | undefined
}

/** The port over Kafka. Waits for the brokers; rejects when the topics are not there with so many partitions. */
export async function openKafkaLog(settings: KafkaLogSettings, logger: Logger): Promise<EventLog> {
  const { kafka, clientId, namespace, partitions, signal } = settings
  const clients = kafkaClients(clientId, kafka, logger)
  const onError = (err: unknown) => logger.warn({ err }, 'Kafka does not answer; trying on')
  const connect = async () => {
    await clients.producer.connect()
    await clients.admin.connect()
    await verifyTopics(clients.admin, namespace, partitions)
  }
  try {
    // One attempt takes kafkajs half a minute where a broker takes connections and says nothing.
    await unlessAborted(signal, retryForEver(connect, { signal, onError }))
  } catch (error) {
    await disconnect(clients)
    throw error
  }
  return new EngineLog(kafkaEngine(settings, clients, logger), settings, logger)
}

function kafkaEngine(
  { namespace, sessionTimeoutMs }: KafkaLogSettings,
  clients: KafkaClients,
  logger: Logger,
): LogEngine {
  const { producer, admin } = clients
  const produce = new Produce(producer, admin, logger)
  return {
    append: (topic, partition, records) => {
      const messages = records.map(({ key, headers, value }) => ({
        partition,
        key,
        headers: { ...headers },
        value,
      }))
      return produce.send({ topic, partition, messages })
    },
    newSubscription: (settings) => {
      const consumer = clients.consumer(settings.group, sessionTimeoutMs)
      return new KafkaSubscription({ ...settings, consumer, admin, sessionTimeoutMs })
    },
    ping: async () => {
      await admin.fetchTopicMetadata({ topics: [namespaced(namespace, TOPICS.created.name)] })
    },
    close: () => disconnect(clients),
  }
}

/** kafkajs first waits for what it has asked, which brokers that hang do not answer: then its connections end with the process. */
async function disconnect({ producer, admin }: KafkaClients): Promise<void> {
  const disconnected = Promise.allSettled([producer.disconnect(), admin.disconnect()])
  await within(DISCONNECT_TIMEOUT_MS, disconnected).catch(() => undefined)
}
