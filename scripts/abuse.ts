import { attackedRoomlog } from './abuse/attacked-roomlog.ts'
import { ATTACKS } from './abuse/attacks/index.ts'
import { parseOptions, USAGE } from './abuse/options.ts'
import { answersOf, cellsOf, HEAD, isOk, type Row, verdictOf } from './abuse/row.ts'
import { markdown } from './markdown.ts'

// Attacks a Roomlog of its own, and measures what others notice of it. Exit code 1: an attack was not within its bounds.
async function main(): Promise<void> {
  const { only, engine, seconds, json } = parseOptions(
    process.argv.slice(2),
    ATTACKS.map(({ id }) => id),
  )
  const startedAtMs = performance.now()
  const say = (what: string) =>
    console.error(`${((performance.now() - startedAtMs) / 1000).toFixed(1).padStart(6)} s  ${what}`)
  await using resources = new AsyncDisposableStack()
  const abuse = await attackedRoomlog({ engine, say }, resources)
  const rows: Row[] = []
  for (const attack of ATTACKS) {
    if (only?.has(attack.id) === false) continue
    say(`${attack.id}: ${attack.what}`)
    const row = await abuse.run(attack, seconds).catch((error: Error) => error)
    if (row instanceof Error) {
      say(`${attack.id}: could not be measured: ${row.message}`)
      process.exitCode = 1
      continue
    }
    say(`${attack.id}: ${verdictOf(row)}: ${answersOf(row.attacked.answers)}`)
    // At once: what has been measured is not lost with what comes later.
    if (json) console.log(JSON.stringify(row))
    rows.push(row)
  }
  if (!json) console.log(markdown([HEAD, ...rows.map(cellsOf)]))
  if (!rows.every(isOk)) process.exitCode = 1
}

main().catch((error: Error) => {
  console.error(`abuse: ${error.stack}\n\n${USAGE}`)
  process.exit(2)
})
