import { blackHole, logProxies } from '../acts.ts'
import { BOTH, type Fault } from '../fault.ts'
import { call } from '../load/rest.ts'
import { edgeBytes } from '../memory.ts'

const OUTAGE_MS = 120_000
const FAILED_WITHIN_MS = 5_500
const EDGE_GROWTH_MIB = 50
const PROBE_EVERY_MS = 2_000

export const logUnreachable: Fault = {
  id: 'F10',
  title: 'log unreachable 120 s',
  engines: BOTH,
  stack: { proxied: true },
  recovery: { p99Ms: 15_000 },
  inject: async (nemesis) => {
    const { stack, crowd } = nemesis
    const { kafka } = stack.servers
    const before = edgeBytes(stack)
    const closesBefore = crowd.closes
    const outageMs = nemesis.outageMs(OUTAGE_MS)
    await blackHole(nemesis, kafka === undefined ? 'postgres' : 'kafka', logProxies(nemesis), async () => {
      for (const { sends } of crowd.clients) sends.forgetSlowest()
      const until = performance.now() + outageMs
      while (performance.now() < until) {
        await nemesis.sleep(PROBE_EVERY_MS)
        if (kafka !== undefined) await readsGoOn()
      }
      nemesis.bound('growth of the edges, MiB', (edgeBytes(stack) - before) / 1024 ** 2, EDGE_GROWTH_MIB)
      const slowest = Math.max(...crowd.clients.map(({ sends }) => sends.slowestMs))
      nemesis.bound('slowest answer to a send, ms', slowest, FAILED_WITHIN_MS)
      nemesis.bound('sockets that were closed', crowd.closes - closesBefore, 0)
    })

    async function readsGoOn(): Promise<void> {
      const [roomId = ''] = crowd.rooms
      // The first ones are removed from rooms now and then.
      const client = crowd.clients.findLast((it) => it.memberOf.includes(roomId))
      const answer = await call(`${stack.apiUrl}/rooms/${roomId}/messages`, { token: client?.token ?? '' })
      if (answer.status !== 200) nemesis.must(`history is read (${answer.status})`, false)
    }
  },
}
