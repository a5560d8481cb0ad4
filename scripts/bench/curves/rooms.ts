import { audienceOf, loadOf } from '../path/audience.ts'
import { runLoad, total } from '../path/saturated.ts'
import { type System, systemOf } from '../path/system.ts'
import type { Bench, BenchContext, Row } from '../row.ts'
import { drawn } from './curve.ts'

const SIZES = [10, 100, 1_000, 10_000, 100_000] as const
/** Each has its share of the rooms. */
const USERS = 1_000
const PACE = { inFlight: 1_000 }
const [WARM_MS, MS] = [4_000, 10_000] as const

/** What a message costs all processes together until its one reader has it, saturated, by how many rooms the messages are spread over. */
export const rooms: Bench = { ids: ['G5-rooms'], run }

async function run(context: BenchContext): Promise<readonly Row[]> {
  const { engine, say } = context
  await using system = await systemOf(engine)
  const points: { x: number; y: number }[] = []
  for (const size of SIZES) {
    const y = await costOfMessage(system, size, say)
    points.push({ x: size, y })
    say(`${size} rooms: ${y.toFixed(0)} µs a message`)
  }
  return [
    drawn(context, {
      id: 'G5-rooms',
      title: `a message’s whole way on ${engine}, saturated`,
      xLabel: 'rooms',
      yLabel: 'CPU µs of all processes',
      points,
    }),
  ]
}

async function costOfMessage(system: System, size: number, say: (what: string) => void): Promise<number> {
  const population = { users: Math.min(USERS, size), rooms: size, membersEach: 1 }
  await using load = await loadOf(system.url, await audienceOf(system.stack, population))
  const run = await runLoad(load, system.pids(), { pace: PACE, warmMs: WARM_MS, ms: MS })
  if (run.lost + run.outOfOrder > 0) throw new Error(`${run.lost} lost, ${run.outOfOrder} out of order`)
  say(`${Math.round((run.done * 1000) / run.ms)} messages/s`)
  return total(run.cpuOf) / run.done
}
