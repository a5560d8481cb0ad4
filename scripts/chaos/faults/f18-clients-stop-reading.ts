import { BOTH, type Fault } from '../fault.ts'
import { edgeBytes, sumOfEdges } from '../memory.ts'

const SHARE = 0.05
const SLOW_CLOSES = 'roomlog_edge_closes_total{code="4408"}'
const GROWTH_MIB_EACH = 2
const PATIENCE_MS = 90_000

export const clientsStopReading: Fault = {
  id: 'F18',
  title: 'clients that stop reading (5 %)',
  engines: BOTH,
  // So much that the kernel's buffers are full within seconds.
  crowd: { roomsEach: 8, padding: 3_000, messagesPerSecond: 60, churners: 0 },
  recovery: { p99Ms: 12_000 },
  inject: async (nemesis) => {
    const { crowd, stack } = nemesis
    const slow = crowd.clients.slice(0, Math.ceil(crowd.clients.length * SHARE))
    // By the edges' own count: who does not read does not see the close frame either.
    const before = await sumOfEdges(stack, SLOW_CLOSES)
    const isClosed = async () => (await sumOfEdges(stack, SLOW_CLOSES)) >= before + slow.length
    // What the edge holds for a socket is bounded; V8's own moods are seen before, over the same time.
    const swingMiB = await growthMiB(nemesis.sleep(PATIENCE_MS / 6), () => edgeBytes(stack))
    await nemesis.act('clients', 'stop reading', async () => {
      for (const client of slow) client.stopReading()
      const closing = nemesis.until('they are closed with 4408', isClosed, PATIENCE_MS)
      const grown = await growthMiB(closing, () => edgeBytes(stack))
      nemesis.bound(
        'growth of the edges beyond their swing, MiB',
        grown - swingMiB,
        slow.length * GROWTH_MIB_EACH,
      )
      for (const client of slow) client.drop()
    })
  },
}

/** The highest that `read` came above its first value until `over` has settled. */
async function growthMiB(over: Promise<unknown>, read: () => number): Promise<number> {
  const first = read()
  let most = first
  const timer = setInterval(() => {
    most = Math.max(most, read())
  }, 100)
  await over.finally(() => clearInterval(timer))
  return (most - first) / 1024 ** 2
}
