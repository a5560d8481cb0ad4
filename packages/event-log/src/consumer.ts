import type { Logger } from 'pino'
import type { EventLog, SubscribeOptions, Subscription, SubscriptionHealth } from './port.ts'

export interface LogConsumerOptions {
  /** Waits for a log that is away, until the signal aborts; rejects when waiting does not help. */
  readonly openLog: (signal: AbortSignal) => Promise<EventLog>
  /** What is read of the log, and by whom it is handled. */
  readonly subscriptionTo: (eventLog: EventLog) => Omit<SubscribeOptions, 'onFatal'>
  /** Nothing will be read any more. */
  readonly onFatal: (error: Error) => void
  readonly logger: Logger
}

/** A service's log and its one subscription, opened in the background: the process answers health checks while its log is away. */
export class LogConsumer {
  readonly #options: LogConsumerOptions
  readonly #stopping = new AbortController()
  #eventLog: EventLog | undefined
  #subscription: Subscription | undefined
  #starting: Promise<void> | undefined
  #isCaughtUp = false

  constructor(options: LogConsumerOptions) {
    this.#options = options
  }

  start(): void {
    this.#starting ??= this.#start()
  }

  /** Undefined until it was reached. */
  get eventLog(): EventLog | undefined {
    return this.#eventLog
  }

  /** As `Subscription.caughtUp`; from then on true. */
  get isCaughtUp(): boolean {
    return this.#isCaughtUp
  }

  /** Undefined until it is subscribed. */
  health(): SubscriptionHealth | undefined {
    return this.#subscription?.health()
  }

  /** Why nothing may be arriving; undefined while it is. */
  notReady(): string | undefined {
    const health = this.health()
    if (health === undefined) return 'not subscribed'
    return health.connected ? undefined : 'not connected to the log'
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
    const { openLog } = this.#options
    const { signal } = this.#stopping
    try {
      const eventLog = await openLog(signal)
      if (signal.aborted) return await eventLog.close()
      this.#eventLog = eventLog
      await this.#subscribe(eventLog)
    } catch (error) {
      if (!signal.aborted) this.#fail(error)
    }
  }

  async #subscribe(eventLog: EventLog): Promise<void> {
    const { subscriptionTo, logger } = this.#options
    const options = subscriptionTo(eventLog)
    const { group } = options
    this.#subscription = await eventLog.subscribe({ ...options, onFatal: (error) => this.#fail(error) })
    logger.info({ group }, 'subscribed')
    // Not awaited: it may never come.
    void this.#subscription.caughtUp.then(() => {
      this.#isCaughtUp = true
      logger.info({ group }, 'caught up')
    })
  }

  #fail(error: unknown): void {
    this.#options.onFatal(new Error('nothing is read of the log any more', { cause: error }))
  }
}
