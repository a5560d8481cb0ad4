import { type EncodedRecord, namespaced, TOPICS, type Topic } from '@roomlog/events'
import type { Logger } from 'pino'
import { EventLogError, topicProblem } from './errors.ts'
import { FLUSH_MS, Lanes, laneOf, logSendErrors } from './lanes.ts'
import type { EventLog, SubscribeOptions, Subscription } from './port.ts'
import { within } from './retry.ts'
import type { LogStore } from './store.ts'
import { StoreSubscription } from './store-subscription.ts'

const PING_TIMEOUT_MS = 2000

export interface StoreLogSettings {
  readonly store: LogStore
  readonly namespace: string
  readonly partitions: number
  readonly clientId: string
  readonly pendingLimit?: number | undefined
}

/** The port over a store with leases. Rejects when the topics are not there with so many partitions. */
export async function openStoreLog(settings: StoreLogSettings, logger: Logger): Promise<EventLog> {
  const { store, namespace, partitions } = settings
  for (const topic of Object.values(TOPICS)) {
    const name = namespaced(namespace, topic.name)
    const problem = topicProblem(name, (await store.heads(name)).size, partitions)
    if (problem !== undefined) throw problem
  }
  return new StoreLog(settings, logger)
}

class StoreLog implements EventLog {
  readonly partitions: number
  readonly #settings: StoreLogSettings
  readonly #logger: Logger
  readonly #lanes: Lanes
  readonly #subscriptions = new Set<StoreSubscription>()
  #watching = false
  #closing: Promise<void> | undefined

  constructor(settings: StoreLogSettings, logger: Logger) {
    const { store, partitions, pendingLimit } = settings
    this.partitions = partitions
    this.#settings = settings
    this.#logger = logger
    this.#lanes = new Lanes({
      send: ({ topic, partition }, records) => store.append(this.#topic(topic), partition, records),
      onSendError: logSendErrors(logger),
      pendingLimit,
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
    const { store, clientId, namespace } = this.#settings
    this.#watch()
    const subscription = new StoreSubscription({
      store,
      clientId,
      partitions: this.partitions,
      topic: this.#topic(options.topic),
      group: namespaced(namespace, options.group),
      options,
      logger: this.#logger,
    })
    this.#subscriptions.add(subscription)
    await subscription.start()
    return subscription
  }

  ping(): Promise<void> {
    return within(PING_TIMEOUT_MS, this.#settings.store.ping())
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    const flushUntilMs = performance.now() + FLUSH_MS
    await Promise.all([...this.#subscriptions].map((subscription) => subscription.stop()))
    await this.#lanes.close(Math.max(0, flushUntilMs - performance.now()))
    await this.#settings.store.close()
  }

  #watch(): void {
    if (this.#watching) return
    this.#watching = true
    this.#settings.store.watch({
      appended: (topic, partition) => {
        for (const it of this.#subscriptions) if (it.topic === topic) it.appended(partition)
      },
      groupChanged: (group) => {
        for (const it of this.#subscriptions) if (it.group === group) it.groupChanged()
      },
      missed: () => {
        for (const it of this.#subscriptions) it.missed()
      },
    })
  }

  #topic(topic: Topic): string {
    return namespaced(this.#settings.namespace, TOPICS[topic].name)
  }
}
