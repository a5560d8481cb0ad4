import { cursors } from './checks/cursors.ts'
import { deliveries, type Times } from './checks/deliveries.ts'
import { finalHistory } from './checks/final-history.ts'
import { liveness } from './checks/liveness.ts'
import { membership } from './checks/membership.ts'
import { operations } from './checks/operations.ts'
import { presence } from './checks/presence.ts'
import { reads } from './checks/reads.ts'
import { realTimeOrder } from './checks/real-time-order.ts'
import { sightings } from './checks/sightings.ts'
import { streams } from './checks/streams.ts'
import { type Violation, withTraces } from './checks/violation.ts'
import type { Entry } from './history.ts'

export interface Counts {
  /** (room, sender, clientMsgId, body), however often it was attempted. */
  readonly operations: number
  readonly acked: number
  /** Every attempt failed for good or was not published. */
  readonly failed: number
  readonly unknown: number
  readonly lost: number
  readonly duplicated: number
  readonly gaps: number
  /** Repeats on one connection, too. */
  readonly reordered: number
  /** Messages as they were seen, live and in pages. */
  readonly observations: number
  /** Stored at the end. */
  readonly messages: number
}

export interface Report {
  /** At most 20 of each name. */
  readonly violations: readonly Violation[]
  /** All of them, by name. */
  readonly totals: Readonly<Record<string, number>>
  /** Invariants of which this history says nothing: it ends before, or was made without faults. */
  readonly notJudged: readonly string[]
  readonly counts: Counts
  /** From the ACK until the last client has it, of those who were in the room all the time. */
  readonly deliveryMs: Times
}

const LISTED_OF_EACH = 20

/**
 * Judges a history by the invariants of GUARANTEES §1. It knows what clients did and saw, and nothing of how Roomlog
 * works; the method is Jepsen's (Kyle Kingsbury, https://jepsen.io).
 */
export function check(history: readonly Entry[]): Report {
  const final = finalHistory(history)
  const seen = sightings(history)
  const sent = operations(history, seen, final)
  const stream = streams(history, seen)
  const live = liveness(history, stream.positions, final)
  const all = [
    ...sent.violations,
    ...stream.violations,
    ...final.violations,
    ...reads(history),
    ...realTimeOrder(sent.operations, final),
    ...(live ?? []),
    ...membership(history),
    ...cursors(history),
    ...presence(history),
    ...told(history),
  ]
  const totals: Record<string, number> = {}
  const violations = all.filter(({ invariant }) => {
    totals[invariant] = (totals[invariant] ?? 0) + 1
    return totals[invariant] <= LISTED_OF_EACH
  })
  return {
    violations: withTraces(history, violations),
    totals,
    notJudged: live === undefined ? ['I13', 'I14'] : [],
    counts: {
      ...sent.counts,
      gaps: stream.gaps,
      reordered: stream.reordered,
      observations: stream.observations,
      messages: final.size,
    },
    deliveryMs: deliveries(history, seen, sent.operations),
  }
}

/** What the run itself measured or noticed. */
function told(history: readonly Entry[]): readonly Violation[] {
  const violations: Violation[] = []
  for (const entry of history) {
    if (entry.type === 'trouble') violations.push({ invariant: 'trouble', what: entry.what })
    if (entry.type !== 'bound' || entry.ok) continue
    const what = `${entry.what}: ${entry.measured}, more than ${entry.limit}`
    violations.push({ invariant: entry.fault, what })
  }
  return violations
}
