import { appendFileSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Percentiles } from '../bench/percentiles.ts'
import type { RunResult } from './run.ts'
import type { EngineName } from './stack.ts'

/** One run, as it stays on record. */
export interface ResultLine {
  /** With a `+` where the tree had changes that were not committed. */
  readonly commit: string
  readonly at: string
  readonly engine: EngineName
  readonly fault: string
  readonly seed: number
  readonly short: boolean
  /** Length of the fault in seconds, where the run was told one. */
  readonly length: number
  readonly control?: string
  readonly seconds: number
  readonly operations: number
  readonly acked: number
  readonly lost: number
  readonly duplicated: number
  readonly gaps: number
  readonly reordered: number
  /** Names of what was violated, each with its count; empty for a clean run. */
  readonly violations: Readonly<Record<string, number>>
  /** Milliseconds. */
  readonly recovery?: Percentiles
  readonly delivery: Percentiles
}

export const RESULTS_FILE = fileURLToPath(new URL('./results.jsonl', import.meta.url))

export function resultLine(
  about: Pick<ResultLine, 'commit' | 'engine' | 'fault' | 'seed' | 'short' | 'length'> & {
    readonly control?: string
  },
  { report, recovery, seconds }: RunResult,
): ResultLine {
  const { counts, deliveryMs, totals } = report
  return {
    ...about,
    at: new Date().toISOString(),
    seconds: Math.round(seconds),
    operations: counts.operations,
    acked: counts.acked,
    lost: counts.lost,
    duplicated: counts.duplicated,
    gaps: counts.gaps,
    reordered: counts.reordered,
    violations: Object.fromEntries(Object.entries(totals).toSorted()),
    ...(recovery === undefined ? {} : { recovery: rounded(recovery) }),
    delivery: rounded(deliveryMs),
  }
}

function rounded({ n, p50, p99, max }: Percentiles): Percentiles {
  return { n, p50: Math.round(p50), p99: Math.round(p99), max: Math.round(max) }
}

export function appendResult(line: ResultLine, file = RESULTS_FILE): void {
  appendFileSync(file, `${JSON.stringify(line)}\n`)
}

export function readResults(file = RESULTS_FILE): readonly ResultLine[] {
  let text = ''
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as ResultLine)
}

/** Of each engine, fault, seed and length the last run: what an earlier build did is on record, and says nothing of this one. */
export function lastRuns(lines: readonly ResultLine[]): readonly ResultLine[] {
  const last = new Map(
    lines.map((line) => [`${line.engine} ${line.fault} ${line.seed} ${line.length}`, line]),
  )
  return [...last.values()]
}

export function isClean({ violations }: ResultLine): boolean {
  return Object.keys(violations).length === 0
}
