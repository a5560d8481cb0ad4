import { setTimeout as delay } from 'node:timers/promises'
import { EventLogError } from './errors.ts'

const BACKOFF_FIRST_MS = 200
const BACKOFF_MAX_MS = 2000

export interface RetryOptions {
  readonly signal?: AbortSignal | undefined
  readonly onError: (error: unknown) => void
}

/** Tries until it succeeds; rejects with the reason of `signal`, and with an `EventLogError`, which no waiting mends. */
export async function retryForEver<T>(attempt: () => Promise<T>, options: RetryOptions): Promise<T> {
  for (let backoffMs = BACKOFF_FIRST_MS; ; backoffMs = Math.min(backoffMs * 2, BACKOFF_MAX_MS)) {
    options.signal?.throwIfAborted()
    try {
      return await attempt()
    } catch (error) {
      if (error instanceof EventLogError) throw error
      options.onError(error)
    }
    await delay(backoffMs, undefined, { signal: options.signal }).catch(() => {})
  }
}

/** `work`, or a rejection with the reason of `signal` when that aborts first: `work` goes on, and nobody hears of it. */
export async function unlessAborted<T>(signal: AbortSignal | undefined, work: Promise<T>): Promise<T> {
  if (signal === undefined) return work
  const { promise: aborted, reject } = Promise.withResolvers<never>()
  const abort = () => reject(signal.reason)
  if (signal.aborted) abort()
  signal.addEventListener('abort', abort, { once: true })
  return Promise.race([work, aborted]).finally(() => signal.removeEventListener('abort', abort))
}

/** `work`, or a rejection when it takes longer. */
export async function within<T>(timeoutMs: number, work: Promise<T>): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs)
  return Promise.race([work, promise]).finally(() => clearTimeout(timer))
}
