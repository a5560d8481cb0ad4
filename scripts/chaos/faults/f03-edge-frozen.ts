import { freezeService } from '../acts.ts'
import { BOTH, type Fault } from '../fault.ts'

/** Below and above what makes clients take an edge for dead. */
const FREEZES_MS = [10_000, 70_000] as const
/** Everybody says something before the next. */
const BETWEEN_MS = 3_000

export const edgeFrozen: Fault = {
  id: 'F3',
  title: 'edge SIGSTOP 10 s, 70 s',
  engines: BOTH,
  recovery: { p99Ms: 12_000 },
  inject: async (nemesis) => {
    const { stack, crowd, random } = nemesis
    for (const forMs of FREEZES_MS) {
      const edge = random.pick(stack.edges)
      const url = stack.wsUrls[stack.edges.indexOf(edge)]
      const there = crowd.clients.filter((client) => client.edge === url)
      const startedAtMs = performance.now()
      const moved = nemesis
        .until(
          'all clients have moved',
          () => there.every(({ edge: now, isLive }) => isLive && now !== url),
          120_000,
        )
        .then(() => performance.now() - startedAtMs)
      moved.catch(() => undefined)
      await freezeService(nemesis, edge, nemesis.outageMs(forMs))
      if (forMs > 45_000 && !nemesis.isShort) {
        nemesis.bound('clients of the frozen edge are live elsewhere, ms', await moved, 45_000 + 3_000)
      }
      await nemesis.until('all are live', () => crowd.live === crowd.clients.length, 60_000)
      await nemesis.sleep(BETWEEN_MS)
    }
  },
}
