import type { EngineSubscription, SubscriptionSettings } from '../engine-log.ts'
import { EventLogError } from '../errors.ts'
import { type Admin, type Consumer, type EachBatchPayload, protocolErrorType, survivable } from '../kafka.ts'
import type { LogRecord, SubscriptionHealth } from '../port.ts'
import { retryForEver, within } from '../retry.ts'
import { Commits } from './commits.ts'
import { Deliveries } from './deliveries.ts'
import { latest, Progress, placesOf } from './progress.ts'
import { recordOf } from './record.ts'

const COMMIT_RETRY_MS = 1000
const LEAVE_TIMEOUT_MS = 5000

export interface KafkaSubscriptionSettings extends SubscriptionSettings {
  readonly consumer: Consumer
  readonly admin: Admin
  readonly sessionTimeoutMs: number
}

/**
 * A kafkajs consumer: from its events and batches to the port. What is not done of a batch is not resolved, so the next
 * fetch of its partition brings it again; the fetches of the others keep up the heartbeats.
 */
export class KafkaSubscription implements EngineSubscription {
  readonly #settings: KafkaSubscriptionSettings
  readonly #caughtUp = Promise.withResolvers<void>()
  readonly #stopped = new AbortController()
  /** Of each partition with records older than this subscription: the offset that ends them. */
  readonly #behind = new Map<number, bigint>()
  readonly #deliveries: Deliveries
  readonly #commits: Commits
  readonly #progress: Progress
  #assigned: readonly number[] = []
  #heardAtMs = Number.NEGATIVE_INFINITY
  #ticker: NodeJS.Timeout | undefined
  #running: Promise<void> = Promise.resolve()
  #leaving: Promise<void> | undefined

  constructor(settings: KafkaSubscriptionSettings) {
    this.#settings = settings
    this.#deliveries = new Deliveries(settings.options, settings.logger)
    this.#commits = new Commits({ ...settings, isMember: () => this.#assigned.length > 0 })
    this.#progress = new Progress({
      places: () => this.#places(),
      startOf: (partition) => this.#commits.startOf(partition),
      onError: (err) => settings.logger.debug({ err, group: settings.group }, 'the lag is not known; later'),
    })
    this.#listen()
  }

  get caughtUp(): Promise<void> {
    return this.#caughtUp.promise
  }

  async start(): Promise<void> {
    const { consumer, topic, partitions, options, logger, group } = this.#settings
    const onError = (err: unknown) => {
      // A broker that has just begun reads its groups first.
      const level = protocolErrorType(err) === 'GROUP_LOAD_IN_PROGRESS' ? 'info' : 'warn'
      logger[level]({ err, group }, 'could not subscribe; trying on')
    }
    await retryForEver(
      async () => {
        await this.#findPlace()
        await consumer.connect()
        // Always true: where 'end' begins is decided in #findPlace. False also skips what lies above a trimmed position.
        await consumer.subscribe({ topic, fromBeginning: true })
      },
      { signal: this.#stopped.signal, onError },
    )
    // Else it would join a group that nobody takes it out of again.
    if (this.#stopped.signal.aborted) return consumer.disconnect()
    this.#running = consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      partitionsConsumedConcurrently: partitions,
      eachBatch: (payload) => this.#eachBatch(payload),
    })
    const everyMs = options.commitIntervalMs === 0 ? COMMIT_RETRY_MS : options.commitIntervalMs
    this.#ticker = setInterval(() => void this.#commits.flush(), everyMs)
    this.#progress.start()
    await this.#running
    this.#checkCaughtUp()
    // Whoever starts at the end remembers it at once: after a crash what came since is delivered.
    await this.#commits.flush()
  }

  health(): SubscriptionHealth {
    const connected = performance.now() - this.#heardAtMs < this.#settings.sessionTimeoutMs
    return { assigned: this.#assigned.length, connected, ...this.#progress.backlog() }
  }

  stop(): Promise<void> {
    this.#leaving ??= this.#leave()
    return this.#leaving
  }

  async #findPlace(): Promise<void> {
    for (const { partition, low, end, committed } of await this.#places()) {
      const atEnd = committed < 0n && this.#settings.options.from === 'end'
      if (atEnd) this.#commits.startAt(partition, end)
      if (latest(atEnd ? end : committed, low) < end) this.#behind.set(partition, end)
    }
  }

  #places() {
    const { admin, topic, group } = this.#settings
    return placesOf(admin, group, topic)
  }

  #listen(): void {
    const { consumer, topic, logger, group, options } = this.#settings
    const { events } = consumer
    const gone = () => {
      this.#assigned = []
      this.#progress.assigned(this.#assigned)
    }
    const heard = () => {
      this.#heardAtMs = performance.now()
    }
    consumer.on(events.HEARTBEAT, heard)
    consumer.on(events.REBALANCING, gone)
    consumer.on(events.STOP, gone)
    consumer.on(events.GROUP_JOIN, ({ payload }) => {
      heard()
      this.#assigned = payload.memberAssignment[topic] ?? []
      this.#beginAssignment()
    })
    consumer.on(events.CRASH, ({ payload: { error, restart } }) => {
      gone()
      this.#commits.commitBy(undefined)
      if (restart || this.#stopped.signal.aborted) return
      logger.error({ err: error, group }, 'the consumer ended for good')
      options.onFatal(error)
    })
  }

  /** Before the first fetch of each assignment: kafkajs tells of it in the same turn of the event loop. */
  #beginAssignment(): void {
    const { consumer, topic } = this.#settings
    this.#commits.beginAssignment(this.#assigned)
    this.#progress.assigned(this.#assigned)
    for (const partition of this.#assigned) {
      const start = this.#commits.startOf(partition)
      if (start !== undefined) consumer.seek({ topic, partition, offset: String(start) })
    }
    this.#checkCaughtUp()
  }

  async #eachBatch(payload: EachBatchPayload): Promise<void> {
    const { maxRecords } = this.#settings.options
    const records = payload.batch.messages.map(recordOf)
    this.#commits.commitBy(payload.commitOffsetsIfNecessary)
    try {
      for (let from = 0; from < records.length; from += maxRecords) {
        if (this.#stopped.signal.aborted || !payload.isRunning() || payload.isStale()) return
        const slice = records.slice(from, from + maxRecords)
        this.#waitFrom(payload, from)
        const done = await this.#handle(payload, slice)
        this.#waitFrom(payload, from + done)
        if (done < slice.length) return
      }
    } catch (error) {
      throw survivable(error)
    }
  }

  /** Of the batch, that record and those behind it are not done. */
  #waitFrom({ batch: { partition, messages } }: EachBatchPayload, index: number): void {
    const first = messages[index]
    this.#progress.waits(partition, first && new Date(Number(first.timestamp)))
  }

  /** Resolves with how many of the slice are done. */
  async #handle(payload: EachBatchPayload, records: readonly LogRecord[]): Promise<number> {
    const { partition } = payload.batch
    const done = await this.#deliveries.deliver(payload, records)
    const last = records[done - 1]
    if (last !== undefined) {
      payload.resolveOffset(String(last.offset))
      this.#commits.moved(partition, last.offset + 1n)
      this.#progress.moved(partition, last.offset + 1n)
      this.#reached(partition, last.offset + 1n)
    }
    try {
      await payload.heartbeat()
    } catch (error) {
      // While the group prepares to rebalance its broker still takes positions: what is done need not come again.
      await this.#commits.flush()
      throw error
    }
    // Not awaited: the next fetch need not wait for it, and batches that end meanwhile share the next commit.
    if (done > 0 && this.#settings.options.commitIntervalMs === 0) void this.#commits.flush()
    return done
  }

  #reached(partition: number, position: bigint): void {
    if (position < (this.#behind.get(partition) ?? 0n)) return
    this.#behind.delete(partition)
    this.#checkCaughtUp()
  }

  #checkCaughtUp(): void {
    if (this.#behind.size === 0 && this.#assigned.length === this.#settings.partitions)
      this.#caughtUp.resolve()
  }

  async #leave(): Promise<void> {
    const { consumer, logger, group } = this.#settings
    this.#stopped.abort(new EventLogError('closed', 'the subscription stops'))
    await this.#deliveries.stop(this.#stopped.signal.reason)
    clearInterval(this.#ticker)
    this.#progress.stop()
    const leave = async () => {
      await this.#running
      await this.#commits.flush()
      await consumer.disconnect()
    }
    await within(LEAVE_TIMEOUT_MS, leave()).catch((err: unknown) =>
      logger.warn({ err, group }, 'could not leave the group in order'),
    )
  }
}
