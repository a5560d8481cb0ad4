import { Child } from '../child.ts'
import { inRounds } from '../rounds.ts'
import { type BenchContext, type Row, ratioRow } from '../row.ts'
import { audienceOf, loadOf, strangers } from './audience.ts'
import type { BareWsOrder } from './bare-ws.ts'
import { type Run, runLoad, total } from './saturated.ts'
import type { System } from './system.ts'

const SIZE = { users: 1000, rooms: 1, membersEach: 1000 }
const TIMES = { pace: { inFlight: 200 }, warmMs: 1500, ms: 4000 }

export const ONE_ROOM_IDS = ['G3'] as const

/** One room of 1000, all of whom send as much as goes through: what a delivery costs the edge, in CPU. */
export async function oneRoom(
  { rounds, say, engine }: BenchContext,
  system: System,
): Promise<readonly Row[]> {
  await using children = new AsyncDisposableStack()
  const bare = children.use(new Child<BareWsOrder>(new URL('./bare-ws.ts', import.meta.url)))
  const bareLoad = children.use(await loadOf(await bare.ask<string>({ do: 'listen' }), strangers(SIZE)))
  const load = children.use(await loadOf(system.url, await audienceOf(system.stack, SIZE)))
  const each = (run: Run) => {
    if (run.lost + run.outOfOrder > 0) throw new Error(`${run.lost} lost, ${run.outOfOrder} out of order`)
    say(
      `${Math.round((run.deliveries * 1000) / run.ms)} deliveries/s, refused ${JSON.stringify(run.refused)}`,
    )
    return total(run.cpuOf) / run.deliveries
  }
  const { limit, roomlog } = await inRounds(
    rounds,
    {
      limit: async () => each(await runLoad(bareLoad, { bare: bare.pid }, TIMES)),
      roomlog: async () => each(await runLoad(load, { edge: system.pids()['ws-edge'] ?? 0 }, TIMES)),
    },
    say,
  )
  const about = {
    id: 'G3',
    what: `${engine}: one room of 1000, saturated, the edge's CPU µs for each delivery`,
    target: { atMost: 0.35 },
  }
  return [ratioRow(about, limit, roomlog)]
}
