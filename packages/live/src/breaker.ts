import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from 'pino'
import { LiveUnavailable } from './port.ts'
import { CALL_TIMEOUT_MS } from './times.ts'

const OPEN_MS = 1000

/**
 * Bounds calls to a store that may be away: each ends within 500 ms, and after one that did not succeed the next second's
 * fail at once, so that nobody queues behind a store that hangs. Says once in the log when it is away and when it is back.
 */
export class Breaker {
  readonly #logger: Logger
  #openUntilMs = 0
  #away = false

  constructor(logger: Logger) {
    this.#logger = logger
  }

  /** Rejects with `LiveUnavailable`, whatever went wrong. */
  async call<T>(work: () => Promise<T>): Promise<T> {
    if (performance.now() < this.#openUntilMs)
      throw new LiveUnavailable('the live store was away a moment ago')
    const timeout = new AbortController()
    try {
      const late = delay(CALL_TIMEOUT_MS, undefined, { signal: timeout.signal }).then(() => {
        throw new LiveUnavailable(`no answer within ${CALL_TIMEOUT_MS} ms`)
      })
      const result = await Promise.race([work(), late])
      if (this.#away) this.#logger.info('the live store answers again')
      this.#away = false
      return result
    } catch (error) {
      this.#failed(error)
      throw error instanceof LiveUnavailable
        ? error
        : new LiveUnavailable('the live store is away', { cause: error })
    } finally {
      timeout.abort()
    }
  }

  #failed(err: unknown): void {
    this.#openUntilMs = performance.now() + OPEN_MS
    if (!this.#away) this.#logger.warn({ err }, 'the live store is away: presence is unknown, chat goes on')
    this.#away = true
  }
}
