import { setTimeout as delay } from 'node:timers/promises'
import { crashPoint } from '@roomlog/service-kit'
import type { Connection } from './connection.ts'

/** So many sockets a second are closed, while that takes no longer than the longest spread. */
const CLOSES_PER_SECOND = 200
/** After a pause of the process, what was missed is not made up for at once. */
const MOST_CLOSES_PER_SECOND = 250
const SHORTEST_SPREAD_MS = 5_000
const LONGEST_SPREAD_MS = 10_000
/** For sends that are not answered when their socket's turn comes. */
const LAST_ANSWERS_MS = 2_000
const POLL_MS = 50

/**
 * Tells each socket when to come back, and closes it then: spread, so that the other edges are not met by all at once,
 * and not before its sends are answered. Resolves when all are closed.
 */
export async function closeSpread(connections: readonly Connection[]): Promise<void> {
  const wishedMs = (connections.length / CLOSES_PER_SECOND) * 1000
  const spreadMs = Math.min(LONGEST_SPREAD_MS, Math.max(SHORTEST_SPREAD_MS, wishedMs))
  const slotMs = (index: number) => Math.floor((index * spreadMs) / connections.length)
  for (const [index, connection] of connections.entries()) {
    connection.send({ type: 'draining', reconnectAfterMs: slotMs(index) })
  }
  const gapMs = Math.min(1000 / MOST_CLOSES_PER_SECOND, spreadMs / connections.length)
  const startedAtMs = performance.now()
  let lastAtMs = 0
  for (const [index, connection] of connections.entries()) {
    // Many leave by themselves when they are told.
    if (!connection.isOpen) continue
    const waitMs = Math.max(startedAtMs + slotMs(index), lastAtMs + gapMs) - performance.now()
    if (waitMs > 0) await delay(waitMs)
    lastAtMs = performance.now()
    connection.closeWhenAnswered('restart')
    crashPoint('mid_drain')
  }
  const deadlineMs = performance.now() + LAST_ANSWERS_MS
  while (connections.some((it) => it.isOpen) && performance.now() < deadlineMs) await delay(POLL_MS)
  for (const connection of connections) connection.close('restart')
}
