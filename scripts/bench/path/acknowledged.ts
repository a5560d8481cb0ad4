import type { Child } from '../child.ts'
import { inRounds } from '../rounds.ts'
import { type BenchContext, figureRow, median, type Row, ratioRow } from '../row.ts'
import { audienceOf, loadOf } from './audience.ts'
import { type BareLogOrder, type BareLogRun, bareLogOn } from './bare-logs.ts'
import { runLoad } from './saturated.ts'
import type { System } from './system.ts'

const SIZE = { users: 1000, rooms: 1000, membersEach: 10 }
const [IN_FLIGHT, WARM_MS, MS] = [1900, 1500, 4000] as const

export const ACKNOWLEDGED_IDS = ['B4', 'B4-p99'] as const

/** Sends into 1000 rooms that nobody listens to and nobody stores: as many as the edge gets into the log, and its acks at half of that. */
export async function acknowledged(context: BenchContext, system: System): Promise<readonly Row[]> {
  const { rounds, say, engine } = context
  await using children = new AsyncDisposableStack()
  const load = children.use(await loadOf(system.url, await audienceOf(system.stack, SIZE), false))
  const bare: Child<BareLogOrder> | undefined = await bareLogOn(system, children)
  const pace = { inFlight: IN_FLIGHT }
  await system.stack.stop('persister')
  const { limit, roomlog } = await inRounds(
    rounds,
    {
      limit: async () => {
        if (bare === undefined) return Number.NaN
        const run = await bare.ask<BareLogRun>({ do: 'run', pace, warmMs: WARM_MS, ms: MS })
        return (run.acked * 1000) / run.ms
      },
      roomlog: async () => {
        const run = await runLoad(load, {}, { pace, warmMs: WARM_MS, ms: MS })
        return (run.acked * 1000) / run.ms
      },
    },
    say,
  )
  const p99: number[] = []
  const perSecond = Math.round(median(roomlog) / 2)
  for (let round = 1; round <= rounds; round += 1) {
    p99.push((await runLoad(load, {}, { pace: { perSecond }, warmMs: WARM_MS, ms: MS })).ack.p99)
    say(`${perSecond}/s: p99 ${p99.at(-1)?.toFixed(1)} ms`)
  }
  system.stack.start('persister')
  await system.stack.ready()
  const what = `${engine}: acknowledged sends/s, 1000 rooms`
  return [
    bare === undefined
      ? figureRow({ id: 'B4', what, target: 'reported' }, roomlog)
      : ratioRow({ id: 'B4', what, target: { atLeast: 0.8 } }, limit, roomlog),
    figureRow(
      { id: 'B4-p99', what: `${engine}: p99 of their acks at half of that, ms`, target: { atMost: 25 } },
      p99,
    ),
  ]
}
