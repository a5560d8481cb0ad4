import type { Logger } from 'pino'
import { deliver, redeliveryPauseMs } from '../delivery.ts'
import type { EachBatchPayload } from '../kafka.ts'
import type { LogRecord, SubscribeOptions } from '../port.ts'

/** A member's batches, on their way through its handler. The partition of one that was not done rests, paused, before that comes again. */
export class Deliveries {
  readonly #options: SubscribeOptions
  readonly #logger: Logger
  readonly #running = new Map<Promise<number>, AbortController>()
  /** In a row, by partition. */
  readonly #failures = new Map<number, number>()
  readonly #resting = new Set<NodeJS.Timeout>()

  constructor(options: SubscribeOptions, logger: Logger) {
    this.#options = options
    this.#logger = logger
  }

  /** Resolves with how many of the records, from the first, are done; never rejects. */
  async deliver(payload: EachBatchPayload, records: readonly LogRecord[]): Promise<number> {
    const { partition } = payload.batch
    const done = await this.#handle(payload, records)
    const isWhole = done === records.length
    const failures = isWhole ? 0 : done > 0 ? 1 : (this.#failures.get(partition) ?? 0) + 1
    this.#failures.set(partition, failures)
    if (!isWhole) this.#rest(payload, redeliveryPauseMs(failures))
    return done
  }

  /** Tells the handlers to break off; resolves when they have ended. */
  async stop(reason: unknown): Promise<void> {
    this.#abort(reason)
    for (const timer of this.#resting) clearTimeout(timer)
    await Promise.allSettled(this.#running.keys())
  }

  #handle(payload: EachBatchPayload, records: readonly LogRecord[]): Promise<number> {
    const abort = new AbortController()
    const heartbeat = async () => {
      abort.signal.throwIfAborted()
      try {
        await payload.heartbeat()
      } catch (error) {
        // Of the whole member: the others' handlers need not find out by themselves.
        this.#abort(error)
        throw error
      }
    }
    const batch = { partition: payload.batch.partition, records }
    const handling = deliver(this.#options, batch, { signal: abort.signal, heartbeat }, this.#logger)
    this.#running.set(handling, abort)
    return handling.finally(() => this.#running.delete(handling))
  }

  #abort(reason: unknown): void {
    for (const abort of this.#running.values()) abort.abort(reason)
  }

  #rest(payload: EachBatchPayload, pauseMs: number): void {
    const resume = payload.pause()
    const timer = setTimeout(() => {
      this.#resting.delete(timer)
      resume()
    }, pauseMs)
    this.#resting.add(timer)
  }
}
