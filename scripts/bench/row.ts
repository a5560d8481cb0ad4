import type { EngineName } from '../chaos/stack.ts'
import type { Curve } from './curves/curve.ts'

/** What was measured, and what it is to be; with `--json` one line each. */
export interface Row {
  readonly id: string
  /** With the unit of `limit` and `measured`, as in `a send to each of 5000 sockets, CPU µs`. */
  readonly what: string
  /** What this machine can do at most, or what others make of it: measured beside it in the same run. */
  readonly limit: number | null
  readonly target: string
  readonly measured: number
  /** Of `measured` to `limit`, the median of the rounds' own. */
  readonly ratio: number | null
  readonly ok: boolean
  /** Rounds, whose medians these are; where `what` is a percentile, how many values it is of. */
  readonly runs: number
}

export type Target = { readonly atMost: number } | { readonly atLeast: number } | 'reported'

export interface Bench {
  /** Of its rows. */
  readonly ids: readonly string[]
  /** Makes at least the rows that are wanted. */
  readonly run: (context: BenchContext) => Promise<readonly Row[]>
}

export interface BenchContext {
  readonly say: (what: string) => void
  /** Of the rows that a whole Roomlog makes. */
  readonly engine: EngineName
  /** So often each thing is measured, in turns with what it is compared to. */
  readonly rounds: number
  readonly isWanted: (id: string) => boolean
  /** Takes what is to be a picture. */
  readonly draw: (curve: Curve) => void
}

interface About {
  readonly id: string
  readonly what: string
  readonly target: Target
}

/** A row whose target is a multiple of its limit. Both were measured in the same rounds, in order. */
export function ratioRow(
  { id, what, target }: About,
  limit: readonly number[],
  measured: readonly number[],
): Row {
  const ratio = median(measured.map((value, round) => value / (limit[round] ?? Number.NaN)))
  return {
    id,
    what,
    limit: rounded(median(limit)),
    target: target === 'reported' ? target : `${targetText(target)}×`,
    measured: rounded(median(measured)),
    ratio: rounded(ratio),
    ok: isMet(target, ratio),
    runs: measured.length,
  }
}

/** A row whose target is a figure in its own unit: a median of rounds, or one value that `runs` single ones have made. */
export function figureRow(
  { id, what, target }: About,
  measured: readonly number[],
  runs = measured.length,
): Row {
  const value = median(measured)
  const text = targetText(target)
  return {
    id,
    what,
    limit: null,
    target: text,
    measured: rounded(value),
    ratio: null,
    ok: isMet(target, value),
    runs,
  }
}

/** NaN of nothing. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const [low, high] = [sorted[Math.floor((sorted.length - 1) / 2)], sorted[Math.floor(sorted.length / 2)]]
  return ((low ?? Number.NaN) + (high ?? Number.NaN)) / 2
}

function targetText(target: Target): string {
  if (target === 'reported') return target
  return 'atMost' in target ? `≤ ${target.atMost}` : `≥ ${target.atLeast}`
}

/** What could not be measured has not met anything. */
function isMet(target: Target, value: number): boolean {
  if (target === 'reported') return Number.isFinite(value)
  return 'atMost' in target ? value <= target.atMost : value >= target.atLeast
}

function rounded(value: number): number {
  return Number(value.toPrecision(3))
}
