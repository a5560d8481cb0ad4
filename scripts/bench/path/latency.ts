import type { Percentiles } from '../percentiles.ts'
import { inRounds } from '../rounds.ts'
import { type BenchContext, figureRow, type Row, ratioRow, type Target } from '../row.ts'
import { audienceOf, loadOf } from './audience.ts'
import { type BareLogRun, bareLogOn } from './bare-logs.ts'
import { runLoad } from './saturated.ts'
import type { System } from './system.ts'

const SIZE = { users: 1000, rooms: 100, membersEach: 10 }
const RATES = [100, 1000] as const
const [WARM_MS, MS] = [1000, 4000] as const

const FIGURES = [
  { id: 'ack', what: 'send → ack', of: 'ack', at: 'p50', target: { atMost: 1.5 } },
  { id: 'all', what: 'send → all ten have it', of: 'read', at: 'p50', target: { atMost: 4 } },
  { id: 'all-p99', what: 'send → all ten have it', of: 'read', at: 'p99', target: { atMost: 3 } },
] as const

type Times = Pick<BareLogRun, 'ack' | 'read'>

/** Of the rows, for `ids`. */
export const LATENCY_IDS = RATES.flatMap((rate) => FIGURES.map(({ id }) => `G2-${id}-${rate}`))

/**
 * Messages at a fixed rate into 100 rooms of ten: milliseconds until the ack, and until all ten have it. Beside it, on the
 * same broker at the same rate, how long a bare kafkajs client takes to write a record, and to read it.
 */
export async function latency(context: BenchContext, system: System): Promise<readonly Row[]> {
  await using children = new AsyncDisposableStack()
  const load = children.use(await loadOf(system.url, await audienceOf(system.stack, SIZE)))
  const bare = await bareLogOn(system, children)
  const rows: Row[] = []
  for (const perSecond of RATES) {
    if (!FIGURES.some(({ id }) => context.isWanted(`G2-${id}-${perSecond}`))) continue
    const say = (what: string) => context.say(`${perSecond}/s, ${what}`)
    const pace = { pace: { perSecond }, warmMs: WARM_MS, ms: MS }
    const times: { limit: Times[]; roomlog: Times[] } = { limit: [], roomlog: [] }
    await inRounds(
      context.rounds,
      {
        limit: async () => {
          if (bare === undefined) return Number.NaN
          return note(times.limit, await bare.ask<BareLogRun>({ do: 'run', ...pace }), say)
        },
        roomlog: async () => {
          const { ack, delivered, lost, outOfOrder, refused } = await runLoad(load, {}, pace)
          if (lost + outOfOrder > 0) throw new Error(`${lost} messages lost, ${outOfOrder} out of order`)
          if (Object.keys(refused).length > 0) throw new Error(`refused: ${JSON.stringify(refused)}`)
          return note(times.roomlog, { ack, read: delivered }, say)
        },
      },
      say,
    )
    rows.push(...rowsOf(context, perSecond, times))
  }
  return rows
}

function note(times: Times[], run: Times, say: (what: string) => void): number {
  times.push({ ack: run.ack, read: run.read })
  say(`ms: ack ${text(run.ack)}; all ${text(run.read)}`)
  return run.read.p50
}

function text({ p50, p99 }: Percentiles): string {
  return `p50 ${p50.toFixed(1)}, p99 ${p99.toFixed(1)}`
}

function rowsOf(
  { engine }: BenchContext,
  perSecond: number,
  { limit, roomlog }: { readonly limit: readonly Times[]; readonly roomlog: readonly Times[] },
): readonly Row[] {
  return FIGURES.map(({ id, what, of, at, target }) => {
    const about = (wanted: Target) => ({
      id: `G2-${id}-${perSecond}`,
      what: `${engine}: ${perSecond} messages/s, ${what}, ${at} ms`,
      target: wanted,
    })
    // The first round warms up.
    const values = (times: readonly Times[]) => times.slice(1).map((it) => it[of][at])
    if (limit.length === 0) return figureRow(about('reported'), values(roomlog))
    return ratioRow(about(target), values(limit), values(roomlog))
  })
}
