import { writeFileSync } from 'node:fs'
import type { Curve } from './bench/curves/curve.ts'
import { picture } from './bench/curves/picture.ts'
import { BENCHES } from './bench/index.ts'
import { scalePlan } from './bench/model/show.ts'
import { parseOptions, USAGE } from './bench/options.ts'
import type { Row } from './bench/row.ts'
import { markdown } from './markdown.ts'

// Measures the product's own functions and processes beside what this machine can do at most. Exit code 1: a target was missed.
const COLUMNS = ['row', 'what', 'limit', 'target', 'measured', 'ratio', 'ok', 'rounds'] as const

async function main(): Promise<void> {
  const { only, engine, json, rounds, pictures, model } = parseOptions(process.argv.slice(2), [
    ...new Set(BENCHES.flatMap(({ ids }) => ids)),
  ])
  if (model !== undefined) {
    console.log(scalePlan(model))
    return
  }
  const isWanted = (id: string) => only === undefined || only.has(id)
  const draw = (curve: Curve) => {
    if (pictures) writeFileSync(new URL(`./bench/pictures/${curve.id}.svg`, import.meta.url), picture(curve))
  }
  const rows: Row[] = []
  for (const { ids, run } of BENCHES) {
    if (!ids.some(isWanted)) continue
    const startedAtMs = performance.now()
    const name = ids.filter(isWanted).join()
    const say = (what: string) => console.error(`${seconds(startedAtMs)}  ${name}: ${what}`)
    const made = (await run({ say, engine, rounds, isWanted, draw })).filter(({ id }) => isWanted(id))
    // At once: what has been measured is not lost with what comes later.
    if (json) for (const row of made) console.log(JSON.stringify(row))
    rows.push(...made)
  }
  if (!json) console.log(markdown([COLUMNS, ...rows.map(cellsOf)]))
  if (rows.some(({ ok }) => !ok)) process.exitCode = 1
}

function cellsOf({ id, what, limit, target, measured, ratio, ok, runs }: Row): readonly string[] {
  return [
    id,
    what,
    limit === null ? '' : String(limit),
    target,
    String(measured),
    ratio === null ? '' : ratio.toFixed(2),
    ok ? 'yes' : 'MISSED',
    String(runs),
  ]
}

function seconds(sinceMs: number): string {
  return `${((performance.now() - sinceMs) / 1000).toFixed(1).padStart(6)} s`
}

main().catch((error: Error) => {
  console.error(`bench: ${error.message}\n\n${USAGE}`)
  process.exit(2)
})
