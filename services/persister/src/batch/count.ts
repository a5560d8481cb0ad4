import type { PersisterMetrics } from '../metrics.ts'
import type { Verdict } from './verdict.ts'

const MS_PER_S = 1000

/** Counts what became of a batch, once it is published. */
export function countVerdicts(
  metrics: PersisterMetrics,
  verdicts: readonly Verdict[],
  nowMs: number = Date.now(),
): void {
  for (const verdict of verdicts) {
    switch (verdict.kind) {
      case 'stored':
        metrics.stored.inc()
        // Clocks differ: one that is ahead must not count backwards.
        metrics.acceptedToPersisted.observe(
          Math.max(0, nowMs - Date.parse(verdict.message.createdAt)) / MS_PER_S,
        )
        break
      case 'redelivered':
        metrics.redelivered.inc()
        break
      case 'duplicate':
        metrics.duplicates.inc()
        break
      case 'reused':
        metrics.rejected.inc({ code: 'client_msg_id_reused' })
        break
      case 'dead':
        metrics.deadLetters.inc({ reason: verdict.reason })
        metrics.ackedButDead.inc()
        if (verdict.address !== undefined) metrics.rejected.inc({ code: verdict.code })
        break
    }
  }
}
