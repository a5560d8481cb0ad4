import type { Fault } from './fault.ts'
import { isClean, type ResultLine } from './results.ts'

const COLUMNS = [
  ...['fault', 'runs', 'acked', 'lost', 'duplicated', 'gaps', 'reordered'],
  ...['p50 recovery', 'p99 recovery'],
] as const

/** The runs by fault, as a table of Markdown; its last two columns are the middle run's median and the worst run's p99. */
export function table(lines: readonly ResultLine[], faults: readonly Fault[]): string {
  const rows = faults.flatMap(({ id, title }) => {
    const runs = lines.filter(({ fault }) => fault === id)
    return runs.length === 0 ? [] : [rowOf(`${id} ${title}`, runs)]
  })
  const all = [COLUMNS, ...rows, ...(rows.length > 1 ? [rowOf('all', lines)] : [])]
  const widths = COLUMNS.map((_, i) => Math.max(...all.map((row) => row[i]?.length ?? 0)))
  const text = (row: readonly string[]) =>
    `| ${row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join(' | ')} |`
  const rule = `|${widths.map((width, i) => (i === 0 ? '-'.repeat(width + 2) : `${'-'.repeat(width + 1)}:`)).join('|')}|`
  return [text(COLUMNS), rule, ...all.slice(1).map(text)].join('\n')
}

function rowOf(title: string, runs: readonly ResultLine[]): readonly string[] {
  const sum = (of: (line: ResultLine) => number) => runs.reduce((total, line) => total + of(line), 0)
  const bad = runs.filter((line) => !isClean(line)).length
  const recovered = runs.flatMap(({ recovery }) => (recovery === undefined ? [] : [recovery]))
  const middles = recovered.map(({ p50 }) => p50).toSorted((a, b) => a - b)
  const worst = Math.max(0, ...recovered.map(({ p99 }) => p99))
  return [
    title,
    bad === 0 ? String(runs.length) : `${runs.length} (${bad} bad)`,
    sum(({ acked }) => acked).toLocaleString('en'),
    ...[sum(({ lost }) => lost), sum(({ duplicated }) => duplicated), sum(({ gaps }) => gaps)].map(String),
    String(sum(({ reordered }) => reordered)),
    ...[middles[Math.floor(middles.length / 2)] ?? 0, worst].map((ms) => `${(ms / 1000).toFixed(1)} s`),
  ]
}
