import { setTimeout as sleep } from 'node:timers/promises'
import { connect } from '@roomlog/db'
import type { Entry } from '@roomlog/testkit/proof'
import { sql } from 'kysely'
import { deliveryP99Ms, spanOf } from '../delivery.ts'
import { BOTH, type Fault, type Measured } from '../fault.ts'
import { Storm } from '../load/storm.ts'
import type { Stack } from '../stack.ts'

const SOCKETS = { full: 8_000, short: 1_000 } as const
const OPENED_PER_SECOND = 250
const BACK_SHARE = 0.99
const BACK_MS = 20_000
const PATIENCE_MS = 120_000
const DELIVERY_MS = 1_000
const ALL_DROPPED = 'all sockets'
/** Of one process: its pool, and on the embedded engine its log's. */
const POOL = { embedded: 10 + 5, full: 10 } as const
const POLL_MS = 250

export const reconnectStorm: Fault = {
  id: 'F21',
  title: 'reconnect storm, 8000 sockets',
  engines: BOTH,
  stack: { env: { MAX_SOCKETS_PER_USER: '10000' } },
  crowd: { messagesPerSecond: 100, churners: 0 },
  recovery: { p99Ms: BACK_MS },
  inject: async (nemesis) => {
    const { stack, random } = nemesis
    const sockets = nemesis.times(SOCKETS.full, SOCKETS.short)
    await using storm = await Storm.of(nemesis, { sockets, perSecond: OPENED_PER_SECOND })
    await nemesis.until('all sockets are there', () => storm.joined === sockets, PATIENCE_MS)
    await nemesis.sleep(3_000)
    await using connections = watchConnections(stack)
    const back = () => storm.joined >= sockets * BACK_SHARE
    await nemesis.act(ALL_DROPPED, `drop ${sockets} of`, async () => {
      storm.drop()
      nemesis.bound(
        `99 % of ${sockets} back, ms`,
        await nemesis.until('99 % are back', back, PATIENCE_MS),
        BACK_MS,
      )
    })
    await nemesis.until('all sockets are back', () => storm.joined === sockets, PATIENCE_MS)
    await nemesis.sleep(3_000)
    const edge = random.pick(stack.edges)
    await nemesis.act(edge, 'kill -9', async () => {
      stack.signal(edge, 'SIGKILL')
      await nemesis.until('its sockets are gone', () => !back(), 5_000)
      nemesis.bound(
        `99 % of its sockets back, ms`,
        await nemesis.until('99 % are back', back, PATIENCE_MS),
        BACK_MS,
      )
    })
    for (const { name, most, limit } of connections.counts()) {
      nemesis.bound(`connections of ${name}`, most, limit)
    }
  },
  judge: (history) => [deliveryMeanwhile(history)],
}

/** For everybody who stayed, while all came back. */
function deliveryMeanwhile(history: readonly Entry[]): Measured {
  const measured = deliveryP99Ms(history, spanOf(history, ALL_DROPPED))
  return { what: 'p99 from ACK to live meanwhile, ms', measured, limit: DELIVERY_MS }
}

interface WatchedConnections extends AsyncDisposable {
  /** The most that each service had at once until now, and what its pools allow. */
  counts(): readonly { readonly name: string; readonly most: number; readonly limit: number }[]
}

function watchConnections(stack: Stack): WatchedConnections {
  const database = connect({ url: stack.servers.postgres.url, applicationName: 'roomlog-chaos', poolSize: 1 })
  const pool = POOL[stack.options.engine]
  const limits = new Map([
    ['roomlog-ws-edge', stack.edges.length * pool],
    ['roomlog-persister', stack.persisters.length * pool],
    ['roomlog-api', POOL.full],
  ])
  const most = new Map<string, number>()
  const stop = new AbortController()
  const look = async () => {
    const { rows } = await sql<{ name: string; count: number }>`
      SELECT application_name AS name, count(*) FROM pg_stat_activity GROUP BY 1`.execute(database.db)
    for (const { name, count } of rows) most.set(name, Math.max(most.get(name) ?? 0, count))
  }
  const watch = async () => {
    while (!stop.signal.aborted) {
      // One that is not answered is one count less.
      await look().catch(() => undefined)
      await sleep(POLL_MS, undefined, { signal: stop.signal }).catch(() => undefined)
    }
  }
  const watching = watch()
  return {
    counts: () => {
      // Where nothing was seen, nothing was bounded either.
      return [...limits].map(([name, limit]) => ({
        name,
        limit,
        most: most.get(name) ?? Number.POSITIVE_INFINITY,
      }))
    },
    [Symbol.asyncDispose]: async () => {
      stop.abort()
      await watching
      await database.close()
    },
  }
}
