import type { Entry } from '@roomlog/testkit/proof'

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
  let ackAt = Number.POSITIVE_INFINITY
  let liveAt = Number.POSITIVE_INFINITY
  let sends = 0
  for (let i = firstFrom(own, end); i < own.length; i += 1) {
    const entry = own[i]
    if (entry === undefined || entry.t > stoppedAt + 30_000) break
    if (entry.type === 'send' && entry.t < stoppedAt) sends += 1
    const isNew = () => 'clientMsgId' in entry && (sentAt.get(keyOf(entry)) ?? 0) > end
    if (entry.type === 'ack' && entry.status === 'ACCEPTED' && isNew()) ackAt = Math.min(ackAt, entry.t)
    if (entry.type === 'live' && (sentAt.get(`${entry.roomId} ${entry.clientMsgId}`) ?? 0) > end) {
      liveAt = Math.min(liveAt, entry.t)
    }
    if (ackAt < Number.POSITIVE_INFINITY && liveAt < Number.POSITIVE_INFINITY) break
  }
  // One that had nothing to send, or that was about to end, says nothing.
  if (ackAt === Number.POSITIVE_INFINITY && (sends === 0 || end > stoppedAt - 1_000)) return []
  return [Math.max(ackAt, liveAt) - end]
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
