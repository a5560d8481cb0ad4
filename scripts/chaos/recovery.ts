import type { Entry } from '@roomlog/testkit/proof'

const QUIET_MS = 1_000
const SETTLE_MS = 30_000

/**
 * After the end of each act of the nemesis, for each client, the milliseconds until it is live again: its newest
 * connection has joined its rooms, a send begun since has been acknowledged, and a message sent since has come.
 * Infinite where that never was.
 */
export function recoveries(history: readonly Entry[]): readonly number[] {
  const ends = history.flatMap((e) => (e.type === 'fault' && e.phase === 'end' ? [e.t] : []))
  const clients = new Map<string, Entry[]>()
  const sentAt = new Map<string, number>()
  for (const entry of history) {
    if (!('client' in entry)) continue
    const own = clients.get(entry.client) ?? []
    clients.set(entry.client, own)
    own.push(entry)
    if (entry.type === 'send') {
      const key = keyOf(entry)
      if (!sentAt.has(key)) sentAt.set(key, entry.t)
    }
  }
  const stoppedAt =
    history.find((e) => e.type === 'phase' && e.phase === 'stopped')?.t ?? Number.POSITIVE_INFINITY
  return ends.flatMap((end) =>
    [...clients.values()].flatMap((own) => recoveryOf(own, end, stoppedAt, sentAt)),
  )
}

function recoveryOf(
  own: readonly Entry[],
  end: number,
  stoppedAt: number,
  sentAt: ReadonlyMap<string, number>,
): readonly number[] {
  let ackMs = Number.POSITIVE_INFINITY
  let liveMs = Number.POSITIVE_INFINITY
  let sends = 0
  for (let i = firstFrom(own, end); i < own.length; i += 1) {
    const entry = own[i]
    if (entry === undefined || entry.t > stoppedAt + SETTLE_MS) break
    if (entry.type === 'send' && entry.t < stoppedAt) sends += 1
    const isAck = entry.type === 'ack' && entry.status === 'ACCEPTED'
    if (!isAck && entry.type !== 'live') continue
    const sent = sentAt.get(keyOf(entry)) ?? 0
    if (sent <= end) continue
    // One that had nothing to say, or was told nothing, for longer has not waited since the end.
    const waitedMs = entry.t - Math.max(end, sent - QUIET_MS)
    if (isAck) ackMs = Math.min(ackMs, waitedMs)
    else liveMs = Math.min(liveMs, waitedMs)
    if (ackMs < Number.POSITIVE_INFINITY && liveMs < Number.POSITIVE_INFINITY) break
  }
  // Nor does one that said nothing at all, or an act at the very end, say anything.
  if (ackMs === Number.POSITIVE_INFINITY && (sends === 0 || end > stoppedAt - QUIET_MS)) return []
  return [Math.max(ackMs, liveMs)]
}

function keyOf({ roomId, clientMsgId }: { readonly roomId: string; readonly clientMsgId: string }): string {
  return `${roomId} ${clientMsgId}`
}

/** Where in a list that rises by time the first entry at or after `t` stands. */
function firstFrom(entries: readonly Entry[], t: number): number {
  let [low, high] = [0, entries.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if ((entries[middle]?.t ?? 0) < t) low = middle + 1
    else high = middle
  }
  return low
}
