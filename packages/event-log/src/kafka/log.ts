import { type EncodedRecord, namespaced, TOPICS, type Topic } from '@roomlog/events'
import type { Logger } from 'pino'
import { EventLogError } from '../errors.ts'
import { type KafkaClients, type KafkaSettings, kafkaClients } from '../kafka.ts'
import { FLUSH_MS, type Lane, Lanes, laneOf, logSendErrors } from '../lanes.ts'
import type { EventLog, SubscribeOptions, Subscription } from '../port.ts'
import { retryForEver, unlessAborted, within } from '../retry.ts'
import { Produce } from './produce.ts'
import { KafkaSubscription } from './subscription.ts'
import { verifyTopics } from './topics.ts'

const PING_TIMEOUT_MS = 2000
const DISCONNECT_TIMEOUT_MS = 500

export interface KafkaLogSettings {
  readonly kafka: KafkaSettings
  readonly namespace: string
  readonly partitions: number
  readonly clientId: string
  readonly sessionTimeoutMs: number
  readonly pendingLimit?: number | undefined
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
    await unlessAborted(retryForEver(connect, { signal, onError }), signal)
  } catch (error) {
    await disconnect(clients)
    throw error
  }
  return new KafkaLog(settings, clients, logger)
}

/** kafkajs first waits for what it has asked, which brokers that hang do not answer: then its connections end with the process. */
async function disconnect({ producer, admin }: KafkaClients): Promise<void> {
  const disconnected = Promise.allSettled([producer.disconnect(), admin.disconnect()])
  await within(DISCONNECT_TIMEOUT_MS, disconnected).catch(() => undefined)
}

class KafkaLog implements EventLog {
  readonly partitions: number
  readonly #settings: KafkaLogSettings
  readonly #clients: KafkaClients
  readonly #logger: Logger
  readonly #lanes: Lanes
  readonly #produce: Produce
  readonly #subscriptions = new Set<KafkaSubscription>()
  #closing: Promise<void> | undefined

  constructor(settings: KafkaLogSettings, clients: KafkaClients, logger: Logger) {
    this.partitions = settings.partitions
    this.#settings = settings
    this.#clients = clients
    this.#logger = logger
    this.#produce = new Produce(clients.producer, clients.admin, logger)
    this.#lanes = new Lanes({
      send: (lane, records) => this.#send(lane, records),
      onSendError: logSendErrors(logger),
      pendingLimit: settings.pendingLimit,
    })
  }

  get pending(): number {
    return this.#lanes.pending
  }

  append(topic: Topic, record: EncodedRecord, timeoutMs?: number): Promise<void> {
    return this.#lanes.append(laneOf(topic, record, this.partitions), record, timeoutMs)
  }

  appendAll(topic: Topic, records: readonly EncodedRecord[], signal: AbortSignal): Promise<void> {
    const placed = records.map((record) => ({ lane: laneOf(topic, record, this.partitions), record }))
    return this.#lanes.appendAll(placed, signal)
  }

  async subscribe(options: SubscribeOptions): Promise<Subscription> {
    if (this.#closing !== undefined) throw new EventLogError('closed', 'the log is closed')
    const { namespace, sessionTimeoutMs } = this.#settings
    const group = namespaced(namespace, options.group)
    const subscription = new KafkaSubscription({
      consumer: this.#clients.consumer(group, sessionTimeoutMs),
      admin: this.#clients.admin,
      topic: this.#topic(options.topic),
      group,
      partitions: this.partitions,
      sessionTimeoutMs,
      options,
      logger: this.#logger,
    })
    this.#subscriptions.add(subscription)
    await subscription.start()
    return subscription
  }

  async ping(): Promise<void> {
    await within(
      PING_TIMEOUT_MS,
      this.#clients.admin.fetchTopicMetadata({ topics: [this.#topic('created')] }),
    )
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    const flushUntilMs = performance.now() + FLUSH_MS
    await Promise.all([...this.#subscriptions].map((subscription) => subscription.stop()))
    await this.#lanes.close(Math.max(0, flushUntilMs - performance.now()))
    await disconnect(this.#clients)
  }

  #send({ topic, partition }: Lane, records: readonly EncodedRecord[]): Promise<void> {
    const messages = records.map(({ key, headers, value }) => ({
      partition,
      key,
      headers: { ...headers },
      value,
    }))
    return this.#produce.send({ topic: this.#topic(topic), partition, messages })
  }

  #topic(topic: Topic): string {
    return namespaced(this.#settings.namespace, TOPICS[topic].name)
  }
}
