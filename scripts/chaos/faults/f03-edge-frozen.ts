import { monotonicMs } from '@roomlog/testkit/proof'
import { freezeService, populate } from '../acts.ts'
import { BOTH, type Fault } from '../fault.ts'
import type { ChaosClient } from '../load/client.ts'
import type { Nemesis } from '../nemesis.ts'

const SHORT_MS = 10_000
/** Longer than clients take to give an edge up. */
const LONG_MS = 70_000
/** 45 s of silence are for a client to count; the rest is for the other edge. */
const MOVED_WITHIN_MS = 3_000
const PATIENCE_MS = 120_000
/** Everybody says something before the next. */
const BETWEEN_MS = 3_000

export const edgeFrozen: Fault = {
  id: 'F3',
  title: 'edge SIGSTOP 10 s, 70 s',
  engines: BOTH,
  recovery: { p99Ms: 12_000 },
  inject: async (nemesis) => {
    const { stack, crowd, random } = nemesis
    for (const forMs of [SHORT_MS, LONG_MS]) {
      const edge = random.pick(stack.edges)
      await populate(nemesis, edge)
      if (forMs === LONG_MS && !nemesis.isShort) await freezeUntilLeft(nemesis, edge)
      else await freezeService(nemesis, edge, nemesis.outageMs(forMs))
      await nemesis.until('all are live', () => crowd.live === crowd.clients.length, 60_000)
      await nemesis.sleep(BETWEEN_MS)
    }
  },
}

async function freezeUntilLeft(nemesis: Nemesis, edge: string): Promise<void> {
  const { stack, crowd } = nemesis
  const url = stack.wsUrls[stack.edges.indexOf(edge)]
  const there = crowd.clients.filter((client) => client.edge === url)
  const moving = moveOf(nemesis, there)
  // It is awaited only after the freeze.
  moving.catch(() => undefined)
  const thawedAtMs = await freezeService(nemesis, edge, LONG_MS)
  const { lastAtMs, longestMs } = await moving
  nemesis.must(`all of ${there.length} clients gave the frozen edge up`, lastAtMs < thawedAtMs)
  nemesis.bound('from giving it up until live elsewhere, ms', longestMs, MOVED_WITHIN_MS)
}

/** When the last of these was live on another edge, and the longest that one took from the end of its connection. */
async function moveOf(nemesis: Nemesis, clients: readonly ChaosClient[]) {
  const from = new Map(clients.map((client) => [client, client.edge]))
  let [lastAtMs, longestMs] = [0, 0]
  // Each for itself: they come and go in their rooms, and are hardly ever live all at once.
  const haveMoved = () => {
    for (const [client, edge] of from) {
      if (client.edge === edge || !client.isLive) continue
      from.delete(client)
      lastAtMs = monotonicMs()
      longestMs = Math.max(longestMs, lastAtMs - (client.closes.at(-1)?.atMs ?? 0))
    }
    return from.size === 0
  }
  await nemesis.until('all clients have moved', haveMoved, PATIENCE_MS)
  return { lastAtMs, longestMs }
}
