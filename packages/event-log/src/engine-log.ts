import { type EncodedRecord, namespaced, TOPICS, type Topic } from '@roomlog/events'
import type { Logger } from 'pino'
import { EventLogError } from './errors.ts'
import { Lanes, laneOf, logSendErrors } from './lanes.ts'
import type { EventLog, SubscribeOptions, Subscription } from './port.ts'
import { unlessAborted, within } from './retry.ts'

const PING_TIMEOUT_MS = 2000
/** What is queued is flushed for so long from the call of `close` on. */
const FLUSH_MS = 5000

/** What an engine brings to the port. Names of topics and groups are complete here, with their namespace. */
export interface LogEngine {
  /** Resolves only once the log holds every one of these records, durably; whatever else happened is a rejection. */
  append(topic: string, partition: number, records: readonly EncodedRecord[]): Promise<void>
  newSubscription(settings: SubscriptionSettings): EngineSubscription
  /** Not bounded. */
  ping(): Promise<void>
  close(): Promise<void>
}

export interface SubscriptionSettings {
  readonly topic: string
  readonly group: string
  readonly partitions: number
  readonly options: SubscribeOptions
  readonly logger: Logger
}

export interface EngineSubscription extends Subscription {
  /** Joins the group and begins to deliver; waits for its servers as long as it takes. Once stopped nobody hears of it any more. */
  start(): Promise<void>
}

export interface EngineLogSettings {
  readonly namespace: string
  readonly partitions: number
  /** Records of `append` that may wait at once; default 2000. */
  readonly pendingLimit?: number | undefined
}

/** The port over an engine: the way in through lanes, the way out by subscriptions, and the end of both. */
export class EngineLog implements EventLog {
  readonly partitions: number
  readonly #engine: LogEngine
  readonly #namespace: string
  readonly #logger: Logger
  readonly #lanes: Lanes
  readonly #subscriptions = new Set<EngineSubscription>()
  readonly #closed = new AbortController()
  #closing: Promise<void> | undefined

  constructor(engine: LogEngine, { namespace, partitions, pendingLimit }: EngineLogSettings, logger: Logger) {
    this.partitions = partitions
    this.#engine = engine
    this.#namespace = namespace
    this.#logger = logger
    this.#lanes = new Lanes({
      send: ({ topic, partition }, records) => engine.append(this.#topic(topic), partition, records),
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
    this.#closed.signal.throwIfAborted()
    const subscription = this.#engine.newSubscription({
      topic: this.#topic(options.topic),
      group: namespaced(this.#namespace, options.group),
      partitions: this.partitions,
      options,
      logger: this.#logger,
    })
    this.#subscriptions.add(subscription)
    await unlessAborted(this.#closed.signal, subscription.start())
    return subscription
  }

  ping(): Promise<void> {
    return within(PING_TIMEOUT_MS, this.#engine.ping())
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    this.#closed.abort(new EventLogError('closed', 'the log is closed'))
    const flushUntilMs = performance.now() + FLUSH_MS
    // First: their handlers may append until they end.
    await Promise.all([...this.#subscriptions].map((subscription) => subscription.stop()))
    await this.#lanes.close(Math.max(0, flushUntilMs - performance.now()))
    await this.#engine.close()
  }

  #topic(topic: Topic): string {
    return namespaced(this.#namespace, TOPICS[topic].name)
  }
}
