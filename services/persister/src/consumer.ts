import type { EventLog, SubscribeOptions, Subscription, SubscriptionHealth } from '@roomlog/event-log'
import { PERSISTER_GROUP } from '@roomlog/events'
import type { Logger } from '@roomlog/service-kit'

/** The knee: larger batches store no more rows a second. */
const BATCH_MAX_RECORDS = 500

export interface ConsumerOptions {
  /** Waits for a log that is away, until the signal aborts; rejects when waiting does not help. */
  readonly openLog: (signal: AbortSignal) => Promise<EventLog>
  readonly handlerFor: (eventLog: EventLog) => SubscribeOptions['onBatch']
  /** Nothing will be stored any more. */
  readonly onFatal: (error: Error) => void
  readonly log: Logger
}

/** The service's log and its subscription. */
export class Consumer {
  readonly #options: ConsumerOptions
  readonly #stopping = new AbortController()
  #eventLog: EventLog | undefined
  #subscription: Subscription | undefined
  #starting: Promise<void> | undefined

  constructor(options: ConsumerOptions) {
    this.#options = options
  }

  /** Begins in the background: the process answers health checks while its log is away. */
  start(): void {
    this.#starting ??= this.#start()
  }

  /** Undefined until it is subscribed. */
  health(): SubscriptionHealth | undefined {
    return this.#subscription?.health()
  }

  /** Why nothing is being stored; undefined while it is. */
  notReady(): string | undefined {
    if (this.#subscription === undefined) return 'not subscribed'
    return this.#subscription.health().connected ? undefined : 'not connected to the log'
  }

  async ping(): Promise<void> {
    if (this.#eventLog === undefined) throw new Error('the log has not been reached yet')
    await this.#eventLog.ping()
  }

  /** Finishes or gives back the batches under way, leaves the group, closes the log. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    // Also ends a subscribing that waits for its log.
    await this.#eventLog?.close()
    await this.#starting
  }

  async #start(): Promise<void> {
    const { signal } = this.#stopping
    try {
      this.#eventLog = await this.#options.openLog(signal)
      if (signal.aborted) return await this.#eventLog.close()
      this.#subscription = await this.#subscribe(this.#eventLog)
    } catch (error) {
      if (!signal.aborted) this.#fail(error)
    }
  }

  async #subscribe(eventLog: EventLog): Promise<Subscription> {
    const { handlerFor, log } = this.#options
    const subscription = await eventLog.subscribe({
      topic: 'created',
      group: PERSISTER_GROUP,
      from: 'beginning',
      maxRecords: BATCH_MAX_RECORDS,
      commitIntervalMs: 0,
      onBatch: handlerFor(eventLog),
      onFatal: (error) => this.#fail(error),
    })
    log.info({ group: PERSISTER_GROUP }, 'subscribed')
    return subscription
  }

  #fail(error: unknown): void {
    this.#options.onFatal(new Error('nothing is consumed any more', { cause: error }))
  }
}
