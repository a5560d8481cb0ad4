import { spawnSync } from 'node:child_process'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { markdown } from './markdown.ts'

// Where files and functions grow beyond what is aimed at, tests apart: a report to notice drift by, no gate. Functions are
// measured by Biome, which leaves out blank lines and comments; those of a file are counted by how they are written.

const FILE_LINES = 250
const FUNCTIONS_PER_FILE = 10
const RULE = 'complexity/noExcessiveLinesPerFunction'
const ROOT = join(import.meta.dirname, '..')
const PARTS = ['services/*', 'packages/*', 'scripts']
const TESTS = /\.test\.tsx?$|\.test-d\.ts$|(^|\/)(test|dist|node_modules)\/|^packages\/testkit\//

/** Declared with a name: `function`, a constant arrow, a method. */
const FUNCTION =
  /^(export )?(async )?function\b|^(export )?const \w+[^=\n]* = (async )?\([^\n]*=>|^ {2}(static |async |get |set )*[#\w]+\([^=>\n]*\)[^=>\n]*\{$/gm
const ANY = /(?<!(\/\/|\*).*)(: |\bas |<|\| )any\b(?! \w)/g

interface Measured {
  readonly path: string
  readonly lines: number
  readonly functions: number
  readonly longFunctions: readonly string[]
  readonly anys: number
}

const longFunctions = Map.groupBy(tooLong(), ({ path }) => path)
const parts = PARTS.flatMap((part) => globSync(part, { cwd: ROOT })).toSorted()
const measured = parts.map((part) => ({ part, files: filesOf(part).map(measure) }))

const HEAD = [
  ...['part', 'files', 'median lines', 'longest', `> ${FILE_LINES} lines`, 'functions > 50 lines'],
  ...[`> ${FUNCTIONS_PER_FILE} functions`, 'any'],
]
const rows = measured
  .filter(({ files }) => files.length > 0)
  .map(({ part, files }) => {
    const lines = files.map((file) => file.lines).toSorted((a, b) => a - b)
    const count = (of: (file: Measured) => number) => files.reduce((sum, file) => sum + of(file), 0)
    return [
      part,
      ...[files.length, lines[lines.length >> 1] ?? 0, lines.at(-1) ?? 0].map(String),
      String(count((file) => Number(file.lines > FILE_LINES))),
      String(count((file) => file.longFunctions.length)),
      String(count((file) => Number(file.functions > FUNCTIONS_PER_FILE))),
      String(count(({ anys }) => anys)),
    ]
  })
console.log(markdown([HEAD, ...rows]))
for (const { path, lines, functions, longFunctions } of measured.flatMap(({ files }) => files)) {
  if (lines > FILE_LINES) console.log(`${path}: ${lines} lines`)
  if (functions > FUNCTIONS_PER_FILE) console.log(`${path}: ${functions} functions`)
  for (const text of longFunctions) console.log(text)
}

function filesOf(part: string): readonly string[] {
  return globSync(`${part}/**/*.{ts,tsx}`, { cwd: ROOT, exclude: ['**/node_modules/**', '**/dist/**'] })
    .filter((path) => !TESTS.test(path))
    .toSorted()
}

function measure(path: string): Measured {
  const text = readFileSync(join(ROOT, path), 'utf8')
  const count = (pattern: RegExp) => text.match(pattern)?.length ?? 0
  const long = longFunctions.get(path)?.map(({ message, line }) => `${path}:${line}: ${message}`) ?? []
  return { path, lines: count(/\n/g), functions: count(FUNCTION), longFunctions: long, anys: count(ANY) }
}

function tooLong() {
  const args = ['lint', `--only=${RULE}`, '--reporter=json', '--max-diagnostics=none']
  const options = { cwd: ROOT, encoding: 'utf8', maxBuffer: 1e9 } as const
  const { stdout } = spawnSync(join(ROOT, 'node_modules/.bin/biome'), args, options)
  const found: { message: string; location: { path: string; start: { line: number } } }[] =
    JSON.parse(stdout).diagnostics
  return found.map(({ message, location: { path, start } }) => ({ path, message, line: start.line }))
}
