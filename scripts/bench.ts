import { parseArgs } from 'node:util'
import { page } from './bench/page.ts'
import { type Row, revocation } from './bench/revocation.ts'
import { runningRoomlog } from './start/run-file.ts'

// Measures a running Roomlog: `npm run bench -- --only revocation --json`. Nothing is asserted but the exit code.
const BENCHES = { revocation, page } as const

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { only: { type: 'string' }, json: { type: 'boolean', default: false } },
  })
  const names = values.only?.split(',') ?? Object.keys(BENCHES)
  const unknown = names.filter((name) => !Object.hasOwn(BENCHES, name))
  if (unknown.length > 0)
    throw new Error(`unknown: ${unknown.join()}; there is ${Object.keys(BENCHES).join()}`)
  const run = await runningRoomlog()
  console.error(`Roomlog at ${run.urls.api}, engine ${run.engine}`)
  const rows: Row[] = []
  for (const name of names) {
    const bench = BENCHES[name as keyof typeof BENCHES]
    rows.push(...(await bench(run, (text) => console.error(`  ${name}: ${text}`))))
  }
  for (const row of rows)
    console.log(values.json ? JSON.stringify({ engine: run.engine, ...row }) : lineOf(row))
  if (rows.some(({ ok }) => !ok)) process.exitCode = 1
}

function lineOf({ name, target, measured, ok }: Row): string {
  const { n, p50, p99, max } = measured
  const figures = `n ${n}  p50 ${p50.toFixed(0)} ms  p99 ${p99.toFixed(0)} ms  max ${max.toFixed(0)} ms`
  return `${name.padEnd(24)} ${figures.padEnd(52)} ${target.padEnd(16)} ${ok ? 'ok' : 'MISSED'}`
}

main().catch((error: Error) => {
  console.error(`bench: ${error.message}`)
  process.exit(1)
})
