import type { Entry } from '@roomlog/testkit/proof'
import { percentiles } from '../bench/percentiles.ts'
import type { Measured } from './fault.ts'

/** That a client got a message live: how long after its first ACK, 0 when before. */
interface Delivery {
  readonly message: string
  readonly client: string
  readonly ackedAt: number
  readonly ms: number
}

export interface Span {
  readonly from: number
  readonly to: number
}

/** In the order in which they came. */
function deliveries(history: readonly Entry[]): readonly Delivery[] {
  const ackedAt = new Map<string, number>()
  for (const it of history) {
    if (it.type !== 'ack' || it.status !== 'ACCEPTED') continue
    const message = `${it.roomId} ${it.userId} ${it.clientMsgId}`
    if (!ackedAt.has(message)) ackedAt.set(message, it.t)
  }
  return history.flatMap((it) => {
    if (it.type !== 'live') return []
    const message = `${it.roomId} ${it.senderId} ${it.clientMsgId}`
    const at = ackedAt.get(message)
    return at === undefined ? [] : [{ message, client: it.client, ackedAt: at, ms: Math.max(0, it.t - at) }]
  })
}

/**
 * The longest that a message waited from its ACK until anybody got it live: how long delivery stood in the room where it
 * stood longest. One that nobody got live is another invariant's.
 */
export function longestStall(history: readonly Entry[], limit: number): Measured {
  const first = new Map<string, number>()
  for (const { message, ms } of deliveries(history)) if (!first.has(message)) first.set(message, ms)
  // Too many to be arguments of one call.
  const measured = [...first.values()].reduce((longest, ms) => Math.max(longest, ms), 0)
  return { what: 'longest stall of delivery, ms', measured, limit }
}

/** p99 from ACK to live of what was acknowledged in this time, for the clients that count; infinite when there is none. */
export function deliveryP99Ms(
  history: readonly Entry[],
  { from, to }: Span,
  counts: (client: string) => boolean = () => true,
): number {
  const during = deliveries(history).filter(
    ({ client, ackedAt }) => ackedAt >= from && ackedAt <= to && counts(client),
  )
  return during.length === 0 ? Number.POSITIVE_INFINITY : percentiles(during.map(({ ms }) => ms)).p99
}

/** From the begin to the end of the first act on a target. */
export function spanOf(history: readonly Entry[], target: string): Span {
  const acts = history.filter((it) => it.type === 'fault' && it.target === target)
  return { from: acts[0]?.t ?? 0, to: acts[1]?.t ?? 0 }
}
