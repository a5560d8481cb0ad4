import { setTimeout as delay } from 'node:timers/promises'
import { type FailureKind, failureKind } from '@roomlog/db'

const FIRST_PAUSE_MS = 50
const LONGEST_PAUSE_MS = 1000

/** Resolves after so long; rejects when the signal aborts. */
export type Pause = (ms: number, signal: AbortSignal) => Promise<void>

export interface RetryOptions {
  readonly signal: AbortSignal
  /** Told of each failure; `attempt` counts from 1. */
  readonly onFailure: (error: unknown, kind: FailureKind, attempt: number) => void
  /** Whether such a failure, the `attempt`th, is left to who called; default: none is. */
  readonly isGivenUp?: (error: unknown, attempt: number) => boolean
}

/**
 * Repeats `work` for as long as it takes, since what waits in the log has been acknowledged. Only an error that lies in
 * the data passes, what `isGivenUp` says, and the end of `signal`.
 */
export async function retried<T>(
  work: () => Promise<T>,
  options: RetryOptions,
  pause: Pause = passTime,
): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    options.signal.throwIfAborted()
    try {
      return await work()
    } catch (error) {
      const kind = failureKind(error)
      if (kind === 'data') throw error
      options.onFailure(error, kind, attempt)
      if (options.isGivenUp?.(error, attempt)) throw error
    }
    await pause(pauseMs(attempt), options.signal)
  }
}

const passTime: Pause = (ms, signal) => delay(ms, undefined, { signal })

export function pauseMs(attempt: number): number {
  return Math.min(FIRST_PAUSE_MS * 2 ** (attempt - 1), LONGEST_PAUSE_MS)
}
