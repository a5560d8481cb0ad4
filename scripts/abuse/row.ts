import type { Percentiles } from '../bench/percentiles.ts'
import type { Attacked } from './attacker.ts'
import type { Felt } from './others.ts'
import type { Memory, Seen } from './watch.ts'

const MIB = 1024 * 1024
/** Of others' p99 during an attack to theirs alone. */
const MAX_RATIO = 2
/** In use above what was before, once it is over: what is remembered of attackers is bounded. */
const MAX_HELD_MIB = 32
const MAX_RESIDENT_MIB = 256
/** Of a connection whose request does not come. */
const MAX_LIFE_S = 17

/** p99 in milliseconds. */
export interface Compared {
  readonly alone: number
  readonly during: number
  readonly ratio: number
}

/** An attack and what came of it; with `--json` one line each. */
export interface Row {
  readonly id: string
  readonly what: string
  readonly seconds: number
  readonly attacked: Attacked
  readonly delivered: Compared
  readonly page: Compared
  readonly welcome: Compared
  readonly seen: Seen
  /** Processes that ended. */
  readonly ended: readonly string[]
  /** What others noticed that they should not. */
  readonly noticed: readonly string[]
  /** What else is not as it should be. */
  readonly wrong: readonly string[]
}

export interface Outcome extends Omit<Row, 'wrong' | 'noticed' | 'delivered' | 'page' | 'welcome'> {
  /** Of all times that others were alone so far. */
  readonly alone: Record<'delivered' | 'page' | 'welcome', number>
  readonly felt: Felt
  readonly expected: readonly string[]
}

export function rowOf({ alone, felt, expected, ...outcome }: Outcome): Row {
  const compared = (of: 'delivered' | 'page' | 'welcome') => compare(alone[of], felt[of])
  const figures = {
    delivered: compared('delivered'),
    page: compared('page'),
    welcome: compared('welcome'),
  }
  const { attacked, seen, ended } = outcome
  const answers = { ...attacked.answers, ...seen.unheard }
  const { heap, resident } = seen
  const noticed = [
    ...(['delivered', 'page'] as const)
      // What could not be measured is within no bound.
      .filter((of) => !(figures[of].ratio <= MAX_RATIO))
      .map((of) => `${of} p99 ${figures[of].ratio.toFixed(1)}×`),
    ...Object.entries(felt.failed).map(([how, times]) => `${times} × ${how}`),
  ]
  const wrong = [
    ...expected.filter((how) => answers[how] === undefined).map((how) => `nothing was answered ${how}`),
    ...(attacked.longestS > MAX_LIFE_S ? [`a connection lived ${attacked.longestS.toFixed(1)} s`] : []),
    ...(heap.after - heap.before <= MAX_HELD_MIB * MIB ? [] : [`holds ${grown(heap)} MiB more`]),
    ...(resident.peak - resident.before <= MAX_RESIDENT_MIB * MIB
      ? []
      : [`grew by ${mib(resident.peak - resident.before)} MiB`]),
    ...(seen.faults === 0 ? [] : [`${seen.faults} answers of 5xx`]),
    ...ended,
  ]
  return { ...outcome, ...figures, noticed, wrong }
}

function compare(alone: number, { p99: during }: Percentiles): Compared {
  return { alone, during, ratio: during / alone }
}

export function isOk({ noticed, wrong }: Row): boolean {
  return noticed.length + wrong.length === 0
}

/** As in `NO: page p99 3.1×`. */
export function verdictOf(row: Row): string {
  return isOk(row) ? 'yes' : `NO: ${[...row.noticed, ...row.wrong].join('; ')}`
}

export const HEAD = [
  'attack',
  'what',
  'sent',
  'answered',
  'p99 ms, delivery',
  'p99 ms, page',
  'p99 ms, welcome',
  'CPU, attackers : Roomlog',
  'resident MiB',
  'heap MiB',
  '5xx',
  'crashes',
  'ok',
] as const

export function cellsOf(row: Row): readonly string[] {
  const { attacked, seen, seconds } = row
  const cores = (us: number) => (us / 1_000_000 / seconds).toFixed(2)
  return [
    row.id,
    row.what,
    `${attacked.connections} connections, ${attacked.requests} requests, ${mib(attacked.bytes)} MiB`,
    answersOf({ ...attacked.answers, ...seen.unheard }),
    comparison(row.delivered),
    comparison(row.page),
    comparison(row.welcome),
    `${cores(attacked.cpu)} : ${cores(seen.cpu)}`,
    memory(seen.resident),
    memory(seen.heap),
    String(seen.faults),
    String(row.ended.length),
    verdictOf(row),
  ]
}

/** As in `429 × 1200, 401 × 60`, the most first. */
export function answersOf(answers: Readonly<Record<string, number>>): string {
  const sorted = Object.entries(answers).toSorted(([, a], [, b]) => b - a)
  return sorted.map(([how, times]) => `${how} × ${times}`).join(', ')
}

function comparison({ alone, during, ratio }: Compared): string {
  return `${alone.toFixed(1)} → ${during.toFixed(1)} (${ratio.toFixed(1)}×)`
}

function memory({ before, peak, after }: Memory): string {
  return `${mib(before)} / ${mib(peak)} / ${mib(after)}`
}

const grown = ({ before, after }: Memory) => mib(after - before)

const mib = (bytes: number) => Math.round(bytes / MIB)
