import type { Fault } from './fault.ts'
import { isClean, type ResultLine } from './results.ts'

const COLUMNS = ['fault', 'runs', 'acked', 'lost', 'duplicated', 'gaps', 'reordered', 'p99 recovery'] as const

/** The runs by fault, as a table of Markdown; its last column is the worst run's. */
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
  const worstMs = Math.max(...runs.map(({ recovery }) => recovery?.p99 ?? 0))
  return [
    title,
    bad === 0 ? String(runs.length) : `${runs.length} (${bad} bad)`,
    sum(({ acked }) => acked).toLocaleString('en'),
    ...[sum(({ lost }) => lost), sum(({ duplicated }) => duplicated), sum(({ gaps }) => gaps)].map(String),
    String(sum(({ reordered }) => reordered)),
    `${(worstMs / 1000).toFixed(1)} s`,
  ]
}
