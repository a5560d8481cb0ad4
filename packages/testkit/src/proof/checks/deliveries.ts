import type { Entry } from '../history.ts'
import type { Operation } from './operations.ts'
import { addressOf } from './violation.ts'

/** Milliseconds. */
export interface Times {
  readonly n: number
  readonly p50: number
  readonly p99: number
  readonly max: number
}

/** From a message's ACK until the last client that got it live has it; without those who were removed in between. */
export function deliveries(history: readonly Entry[], operations: readonly Operation[]): Times {
  const removed = new Set(history.flatMap((e) => (e.type === 'removed' ? [e.client] : [])))
  const lastAt = new Map<string, number>()
  const got = new Set<string>()
  for (const entry of history) {
    if (entry.type !== 'live' || removed.has(entry.client)) continue
    const message = addressOf(entry.roomId, entry)
    // Each client's first sight of it counts: it may come again after another join.
    const key = `${entry.client} ${message}`
    if (got.has(key)) continue
    got.add(key)
    lastAt.set(message, entry.t)
  }
  const times = operations.flatMap(({ roomId, userId, clientMsgId, acceptedAt }) => {
    const at = lastAt.get(addressOf(roomId, { senderId: userId, clientMsgId }))
    return at === undefined || acceptedAt === undefined ? [] : [Math.max(0, at - acceptedAt)]
  })
  const sorted = times.toSorted((a, b) => a - b)
  const rank = (p: number) => sorted[Math.max(0, Math.ceil(p * sorted.length) - 1)] ?? 0
  return { n: sorted.length, p50: rank(0.5), p99: rank(0.99), max: sorted.at(-1) ?? 0 }
}
