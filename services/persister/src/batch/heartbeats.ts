import type { BatchContext } from '@roomlog/event-log'

/** The log asks for one each second; twice as often leaves room for a busy event loop. */
const HEARTBEAT_INTERVAL_MS = 500

/**
 * Does `work` while the ownership of the partition is kept alive, also during a long statement. The work's signal aborts
 * with the batch's and when the ownership is lost; then this throws what the heartbeat threw, as the log wants to see it.
 */
export async function withHeartbeats<T>(
  context: BatchContext,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const lost = new AbortController()
  const timer = setInterval(() => {
    context.heartbeat().catch((error: unknown) => lost.abort(error))
  }, HEARTBEAT_INTERVAL_MS)
  try {
    return await work(AbortSignal.any([context.signal, lost.signal]))
  } catch (error) {
    throw lost.signal.aborted ? lost.signal.reason : error
  } finally {
    clearInterval(timer)
  }
}
