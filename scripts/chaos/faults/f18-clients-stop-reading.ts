import type { Entry } from '@roomlog/testkit/proof'
import { deliveryP99Ms, spanOf } from '../delivery.ts'
import { BOTH, type Fault, type Measured } from '../fault.ts'
import { heldByEdges, sumOfEdges } from '../memory.ts'

const SHARE = 0.05
const SLOW_CLOSES = 'roomlog_edge_closes_total{code="4408"}'
const GROWTH_MIB_EACH = 2
const PATIENCE_MS = 90_000
const STOP_READING = 'slow clients'
const TIMES_SLOWER = 2
const LOOKS = 5
/** Twice of next to nothing is next to nothing, and chance. */
const LEAST_DELIVERY_MS = 100

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
    // What the edge holds for a socket is bounded; what it holds of the load anyway is seen before.
    const held = () => heldByEdges(stack)
    const swingMiB = await growthMiB(nemesis.sleep(PATIENCE_MS / 6), held)
    await nemesis.act(STOP_READING, 'stop reading of', async () => {
      for (const client of slow) client.stopReading()
      const closing = nemesis.until('they are closed with 4408', isClosed, PATIENCE_MS)
      const grown = await growthMiB(closing, held)
      nemesis.bound(
        'growth of the edges beyond their swing, MiB',
        grown - swingMiB,
        slow.length * GROWTH_MIB_EACH,
      )
      for (const client of slow) client.drop()
    })
  },
  judge: (history) => [others(history)],
}

/** How much slower messages come to those who read, as a factor. */
function others(history: readonly Entry[]): Measured {
  const { from, to } = spanOf(history, STOP_READING)
  const names = new Set(history.flatMap((it) => (it.type === 'person' ? [it.client] : [])))
  const slow = new Set([...names].toSorted().slice(0, Math.ceil(names.size * SHARE)))
  const isOther = (client: string) => !slow.has(client)
  const loadAt = history.find((it) => it.type === 'phase' && it.phase === 'load')?.t ?? 0
  const before = deliveryP99Ms(history, { from: loadAt, to: from }, isOther)
  const during = deliveryP99Ms(history, { from, to }, isOther)
  const measured = during / Math.max(before, LEAST_DELIVERY_MS)
  return { what: 'p99 from ACK to live for others, times that of before', measured, limit: TIMES_SLOWER }
}

/**
 * How much more than at first was held until `over` has settled, at least for as long as LOOKS looks in a row take: what
 * a socket holds is there until it is closed, while garbage comes and goes between two looks.
 */
async function growthMiB(over: Promise<unknown>, read: () => Promise<number | undefined>): Promise<number> {
  let isOver = false
  const ended = over.finally(() => {
    isOver = true
  })
  // Heard below, once it has been looked at for the last time.
  ended.catch(() => undefined)
  const seen: number[] = []
  while (!isOver || seen.length < 2 * LOOKS) {
    const bytes = await read()
    if (bytes !== undefined) seen.push(bytes)
  }
  await ended
  const lowest = seen.slice(LOOKS - 1).map((_, index) => Math.min(...seen.slice(index, index + LOOKS)))
  return (Math.max(...lowest) - (lowest[0] ?? 0)) / 1024 ** 2
}
