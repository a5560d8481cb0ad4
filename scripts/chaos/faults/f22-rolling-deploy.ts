import type { Entry } from '@roomlog/testkit/proof'
import { BOTH, type Fault, type Measured } from '../fault.ts'

const CLIENTS = { full: 2_000, short: 300 } as const
const EXIT_MS = 15_000
const CLOSES_PER_SECOND = 250
/** Of so long a pause, of an edge or of all clients, what was spread may come at once. */
const SEEN_LATE_MS = 300
const RESTART = 1012
const BETWEEN_MS = 2_000

export const rollingDeploy: Fault = {
  id: 'F22',
  title: 'rolling deploy of 3 edges, 2000 clients',
  engines: BOTH,
  stack: { edges: 3 },
  // Small rooms: it is the number of people that is tested, not how far a message is spread.
  crowd: { clients: CLIENTS.full, rooms: 200, roomsEach: 2, messagesPerSecond: 100, churners: 0 },
  shortCrowd: { clients: CLIENTS.short, rooms: 30 },
  recovery: { p99Ms: 5_000 },
  inject: async (nemesis) => {
    const { stack } = nemesis
    for (const edge of stack.edges) {
      await nemesis.act(edge, 'deploy', async () => {
        const { ms, how } = await stack.stop(edge)
        nemesis.bound(`exit of ${edge}, ms`, ms, EXIT_MS)
        nemesis.must(`${edge} ends with exit code 0 (${how})`, how.startsWith('exit code 0'))
        stack.start(edge)
        await nemesis.until(`${edge} is ready`, () => stack.isReady(edge), 60_000)
      })
      await nemesis.sleep(BETWEEN_MS)
    }
  },
  judge: (history) => {
    const before =
      history.find((it) => it.type === 'phase' && it.phase === 'stopped')?.t ?? Number.POSITIVE_INFINITY
    const during = history.filter(({ t }) => t < before)
    const closes = closesOf(during)
    return [
      {
        what: 'closes that are not 1012',
        measured: closes.filter(({ code }) => code !== RESTART).length,
        limit: 0,
      },
      {
        what: 'closes of an edge ahead of 250 a second',
        measured: mostAheadOfPace(closes),
        limit: (CLOSES_PER_SECOND * SEEN_LATE_MS) / 1000,
      },
      unknown(during),
    ]
  },
}

interface Close {
  readonly t: number
  readonly edge: string
  readonly code: number
}

function closesOf(history: readonly Entry[]): readonly Close[] {
  const edges = new Map(history.flatMap((it) => (it.type === 'connected' ? [[it.connection, it.edge]] : [])))
  return history.flatMap((it) =>
    it.type === 'closed' ? [{ t: it.t, edge: edges.get(it.connection) ?? '', code: it.code }] : [],
  )
}

/**
 * How many closes of one edge came at most beyond 250 a second, as a bucket has it that leaks so fast. Not what falls into
 * a second: clients see a close only once its handshake is done, and a pause of either side lets several come at once.
 */
function mostAheadOfPace(closes: readonly Close[]): number {
  const most = [...new Set(closes.map(({ edge }) => edge))].map((edge) => {
    const times = closes
      .filter((it) => it.edge === edge)
      .map(({ t }) => t)
      .toSorted((a, b) => a - b)
    let [level, highest, before] = [0, 0, 0]
    for (const t of times) {
      level = Math.max(0, level - ((t - before) * CLOSES_PER_SECOND) / 1000) + 1
      highest = Math.max(highest, level)
      before = t
    }
    return highest
  })
  return Math.max(0, ...most)
}

/** Attempts that were answered with nothing, or with "unavailable". */
function unknown(history: readonly Entry[]): Measured {
  const open = new Map<string, number>()
  const closed = new Set(history.flatMap((it) => (it.type === 'closed' ? [it.connection] : [])))
  let unavailable = 0
  for (const it of history) {
    if (it.type !== 'send' && it.type !== 'ack') continue
    const key = `${it.connection} ${it.roomId} ${it.clientMsgId}`
    open.set(key, (open.get(key) ?? 0) + (it.type === 'send' ? 1 : -1))
    if (it.type === 'ack' && it.code === 'unavailable') unavailable += 1
  }
  const unanswered = [...open].filter(
    ([key, count]) => count > 0 && closed.has(key.split(' ', 1)[0] ?? ''),
  ).length
  return { what: 'sends of unknown outcome', measured: unanswered + unavailable, limit: 0 }
}
