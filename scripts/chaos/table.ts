import { markdown } from '../markdown.ts'
import { CONTROLS, isCaught, isControl } from './controls.ts'
import type { Fault } from './fault.ts'
import { isClean, type ResultLine } from './results.ts'

const COLUMNS = [
  ...['fault', 'runs', 'acked', 'lost', 'duplicated', 'gaps', 'reordered'],
  ...['p50 recovery', 'p99 recovery'],
] as const

const CONTROL_COLUMNS = ['control', 'engine', 'fault', 'runs', 'caught', 'by'] as const

/** The runs by fault, as a table of Markdown; its last two columns are the middle run's median and the worst run's p99. */
export function table(lines: readonly ResultLine[], faults: readonly Fault[]): string {
  const rows = faults.flatMap(({ id, title }) => {
    const runs = lines.filter(({ fault }) => fault === id)
    return runs.length === 0 ? [] : [rowOf(`${id} ${title}`, runs)]
  })
  return markdown([COLUMNS, ...rows, ...(rows.length > 1 ? [rowOf('all', lines)] : [])])
}

/** The runs of builds that are broken on purpose, and how many of them were caught by the name that they have to be. */
export function controlTable(lines: readonly ResultLine[]): string {
  const rows = Object.entries(CONTROLS).flatMap(([name, { fault, invariants }]) =>
    (['embedded', 'full'] as const).flatMap((engine) => {
      const runs = lines.filter((line) => line.control === name && line.engine === engine)
      const caught = runs.filter((run) => isControl(name) && isCaught(name, run)).length
      const cells = [
        name,
        engine,
        fault[engine],
        String(runs.length),
        String(caught),
        invariants.join(' or '),
      ]
      return runs.length === 0 ? [] : [cells]
    }),
  )
  return markdown([CONTROL_COLUMNS, ...rows])
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
