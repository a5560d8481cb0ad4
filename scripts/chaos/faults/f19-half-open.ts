import { BOTH, type Fault } from '../fault.ts'
import { sumOfEdges } from '../memory.ts'

const SHARE = 0.25
/** What is silent for 45 s is closed at the next tick of a second, and cut 2 s later. */
const DEAD_WITHIN_MS = 48_000
/** For asking the edges. */
const LOOK_MS = 500

export const halfOpen: Fault = {
  id: 'F19',
  title: 'half-open TCP',
  engines: BOTH,
  crowd: { churners: 0 },
  recovery: { p99Ms: 5_000 },
  inject: async (nemesis) => {
    const { crowd, stack } = nemesis
    const through = new Set(crowd.clients.slice(0, Math.ceil(crowd.clients.length * SHARE)))
    const [edge = ''] = stack.edges
    const [proxy] = stack.proxies.edges
    if (proxy === undefined) throw new Error('no proxy')
    const restore = crowd.reroute(through, () => proxy.url)
    const isThere = () => [...through].every(({ isLive, edge: url }) => isLive && url === proxy.url)
    await nemesis.until('they are live through the proxy', isThere, 30_000)
    restore()
    const forgottenAtMs = performance.now()
    await nemesis.act(edge, 'connections forgotten', async () => {
      proxy.forget()
      // The clients are told by nobody either: they come back elsewhere at once, as after a change of network.
      for (const client of through) client.drop()
      await nemesis.until('they are live again', () => crowd.live === crowd.clients.length, 30_000)
    })
    const isOver = async () => (await sumOfEdges(stack, 'roomlog_edge_connections')) <= crowd.clients.length
    await nemesis.until('no dead socket', isOver, 90_000)
    nemesis.bound('dead sockets are closed, ms', performance.now() - forgottenAtMs, DEAD_WITHIN_MS + LOOK_MS)
  },
}
