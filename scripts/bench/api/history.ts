import { Child } from '../child.ts'
import { fill } from '../fill.ts'
import { percentile } from '../percentiles.ts'
import { populate, tokensOf } from '../population.ts'
import { roomlogOf } from '../roomlog.ts'
import { inRounds } from '../rounds.ts'
import { type Bench, type BenchContext, figureRow, median, type Row, ratioRow } from '../row.ts'
import { KeepAlive } from './keep-alive.ts'
import { load } from './load.ts'
import type { Task } from './page-loop.ts'

const MESSAGES = 1_000_000
const SENDERS = 20
const DEPTH = 900_000
const PAGE = 50
const CONNECTIONS = 32
/** As many as the api's pool has. */
const DATABASE_CONNECTIONS = 10
const LOAD_MS = 3000
const PAGES_ONE_BY_ONE = 300

/** Pages of a large room's history, by REST on connections that are kept. */
export const history: Bench = { ids: ['D1', 'D2', 'D3'], run }

async function run(context: BenchContext): Promise<readonly Row[]> {
  await using roomlog = await roomlogOf({ engine: 'embedded' })
  const { apiUrl, servers } = roomlog
  const { url } = servers.postgres
  const size = { users: SENDERS, rooms: 1, membersEach: SENDERS }
  const { users, rooms } = await populate(url, size)
  const [roomId = ''] = rooms
  await fill(url, [{ roomId, senders: users, messages: MESSAGES }], context.say)
  // Of one user a few are answered at a time.
  const tokens = tokensOf(roomlog, users)
  const clients = Array.from(
    { length: CONNECTIONS },
    (_, i) => new KeepAlive(apiUrl, tokens[i % tokens.length] ?? ''),
  )
  try {
    const isSaturated = context.isWanted('D1') || context.isWanted('D2')
    return [
      ...(isSaturated ? await saturated(context, roomId, clients, url) : []),
      ...(context.isWanted('D3') ? [await deepAndNewest(context, roomId, clients)] : []),
    ]
  } finally {
    for (const client of clients) client.close()
  }
}

async function saturated(
  { rounds, say }: BenchContext,
  roomId: string,
  clients: readonly KeepAlive[],
  url: string,
): Promise<readonly Row[]> {
  await using loop = new Child<Task>(new URL('./page-loop.ts', import.meta.url))
  const p99s: { readonly pages: number[]; readonly still: number[] } = { pages: [], still: [] }
  const throughHttp = async (p99: number[], pathOf: () => string) => {
    const { perSecond, latenciesMs } = await load(CONNECTIONS, LOAD_MS, async (index) => {
      await clients[index]?.get(pathOf())
    })
    p99.push(percentile(latenciesMs, 0.99))
    return perSecond
  }
  const task = {
    url,
    roomId,
    messages: MESSAGES,
    limit: PAGE,
    connections: DATABASE_CONNECTIONS,
    ms: LOAD_MS,
  }
  const measured = await inRounds(
    rounds,
    {
      limit: () => loop.ask<number>(task),
      pages: () => throughHttp(p99s.pages, () => pagePath(roomId, anyDepth())),
      still: () => throughHttp(p99s.still, () => '/livez'),
    },
    (text) => say(`${text} a second`),
  )
  return [
    ratioRow(
      {
        id: 'D1',
        what: `pages of ${PAGE} of ${MESSAGES} messages, pages/s; limit: the query alone`,
        target: { atLeast: 0.5 },
      },
      measured.limit,
      measured.pages,
    ),
    {
      ...figureRow(
        {
          id: 'D2',
          what: `such a page with ${CONNECTIONS} at once, p99 ms; limit: a static answer`,
          target: { atMost: 50 },
        },
        // The first is the warm-up's.
        p99s.pages.slice(1),
      ),
      limit: Number(median(p99s.still.slice(1)).toPrecision(3)),
    },
  ]
}

async function deepAndNewest(
  { rounds, say }: BenchContext,
  roomId: string,
  [client]: readonly KeepAlive[],
): Promise<Row> {
  const latency = async (path: () => string) => {
    const times: number[] = []
    for (let i = 0; i < PAGES_ONE_BY_ONE; i += 1) {
      const askedAtMs = performance.now()
      await client?.get(path())
      times.push(performance.now() - askedAtMs)
    }
    return median(times)
  }
  const measured = await inRounds(
    rounds,
    {
      newest: () => latency(() => pagePath(roomId)),
      deep: () => latency(() => pagePath(roomId, MESSAGES - DEPTH + 1)),
    },
    (text) => say(`${text} ms`),
  )
  const what = `a page ${DEPTH} messages deep, median ms; limit: the newest page`
  return ratioRow({ id: 'D3', what, target: { atMost: 1.2 } }, measured.newest, measured.deep)
}

function pagePath(roomId: string, before?: number): string {
  const cursor = before === undefined ? '' : `&before=${before}`
  return `/rooms/${roomId}/messages?limit=${PAGE}${cursor}`
}

function anyDepth(): number {
  return PAGE + 1 + Math.floor(Math.random() * (MESSAGES - PAGE))
}
