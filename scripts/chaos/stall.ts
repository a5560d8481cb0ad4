import type { Entry } from '@roomlog/testkit/proof'
import type { Measured } from './fault.ts'

/**
 * The longest that a message waited from its ACK until anybody got it live: how long delivery stood in the room where it
 * stood longest. One that nobody got live is another invariant's.
 */
export function longestStall(history: readonly Entry[], limitMs: number): Measured {
  const ackedAt = new Map<string, number>()
  const seen = new Set<string>()
  let measured = 0
  for (const it of history) {
    if (it.type === 'ack' && it.status === 'ACCEPTED') {
      const key = `${it.roomId} ${it.userId} ${it.clientMsgId}`
      if (!ackedAt.has(key)) ackedAt.set(key, it.t)
    }
    if (it.type !== 'live') continue
    const key = `${it.roomId} ${it.senderId} ${it.clientMsgId}`
    if (seen.has(key)) continue
    seen.add(key)
    measured = Math.max(measured, it.t - (ackedAt.get(key) ?? it.t))
  }
  return { what: 'longest stall of delivery, ms', measured, limit: limitMs }
}
