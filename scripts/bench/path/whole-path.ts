import { Child } from '../child.ts'
import { inRounds } from '../rounds.ts'
import { type BenchContext, figureRow, type Row, ratioRow } from '../row.ts'
import { audienceOf, loadOf, strangers } from './audience.ts'
import type { BareWsOrder } from './bare-ws.ts'
import { runLoad, total } from './saturated.ts'
import type { System } from './system.ts'

const SIZE = { users: 10_000, rooms: 1000, membersEach: 10 }
const IN_FLIGHT = 2000
const [WARM_MS, ROOMLOG_MS, BARE_MS] = [2000, 8000, 4000] as const

/**
 * 1000 rooms of ten members with a socket each, and as much under way as an edge takes: what a message costs until it is
 * stored and all ten have it, in CPU of every process but the one that makes the load.
 */
export async function wholePath(
  { rounds, say, engine }: BenchContext,
  system: System,
): Promise<readonly Row[]> {
  await using stack = new AsyncDisposableStack()
  const bare = stack.use(new Child<BareWsOrder>(new URL('./bare-ws.ts', import.meta.url)))
  const bareLoad = stack.use(await loadOf(await bare.ask<string>({ do: 'listen' }), strangers(SIZE)))
  const load = stack.use(await loadOf(system.url, await audienceOf(system.stack, SIZE)))
  const perSecond: number[] = []
  const wrong: number[] = []
  const pace = { inFlight: IN_FLIGHT }
  const { limit, roomlog } = await inRounds(
    rounds,
    {
      limit: async () => {
        const run = await runLoad(bareLoad, { bare: bare.pid }, { pace, warmMs: WARM_MS, ms: BARE_MS })
        return total(run.cpuOf) / run.done
      },
      roomlog: async () => {
        const run = await runLoad(load, system.pids(), { pace, warmMs: WARM_MS, ms: ROOMLOG_MS })
        const each = Object.entries(run.cpuOf).map(([name, us]) => `${name} ${Math.round(us / run.done)}`)
        say(`µs a message: ${each.join(', ')}, the load's own ${Math.round(run.cpu / run.done)}`)
        perSecond.push((run.done * 1000) / run.ms)
        wrong.push(run.lost + run.outOfOrder)
        return total(run.cpuOf) / run.done
      },
    },
    say,
  )
  const on = `${engine}: `
  return [
    ratioRow(
      {
        id: 'G1',
        what: `${on}a message to a room of 10, 1000 rooms, saturated, CPU µs of all processes`,
        target: { atMost: 2.5 },
      },
      limit,
      roomlog,
    ),
    figureRow(
      { id: 'G1-rate', what: `${on}the same, messages/s`, target: { atLeast: 1500 } },
      perSecond.slice(1),
    ),
    figureRow(
      {
        id: 'G1-lost',
        what: `${on}the same, messages lost or out of order, the most`,
        target: { atMost: 0 },
      },
      [Math.max(...wrong)],
      wrong.length,
    ),
  ]
}
