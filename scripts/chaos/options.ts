import { parseArgs } from 'node:util'
import { CONTROLS, type ControlName, isControl } from './controls.ts'
import type { Fault } from './fault.ts'
import { BY_NAME, FAULTS, SHORT } from './faults/index.ts'
import type { EngineName } from './stack.ts'

export interface Plan {
  readonly runs: readonly PlannedRun[]
  readonly control: ControlName | undefined
  readonly resume: boolean
  /** Keeps the history of clean runs, too. */
  readonly keep: boolean
  readonly record: boolean
  readonly onlyTable: boolean
}

export interface PlannedRun {
  readonly fault: Fault
  readonly engine: EngineName
  readonly seed: number
  readonly isShort: boolean
  readonly lengthMs: number
}

export class UsageError extends Error {
  override readonly name = 'UsageError'
}

export const USAGE = `npm run chaos -- [options]
  --engine embedded|full   default: each fault on every engine that it applies to (short: on one)
  --faults F1,F5|short|all default short; soak breaks nothing; with --control the fault under which it shows
  --short                  outages of at most 12 s and few repeats for any faults, as in CI
  --seed N                 the first seed, default 1
  --runs K                 so many seeds of each fault, default 1
  --minutes M              how long F29 and soak go on, default 3
  --control NAME           a build broken on purpose, which must fail: ${Object.keys(CONTROLS).join(', ')}
  --resume                 only what scripts/chaos/results.jsonl has no clean run of (of a control: none that was caught)
  --no-record              leaves scripts/chaos/results.jsonl as it is
  --keep                   keeps the histories of clean runs, too
  --table                  prints the table of all runs on record, and runs nothing`

const MINUTE_MS = 60_000

/** Throws `UsageError`. */
export function parseOptions(args: readonly string[]): Plan {
  const { values } = parse(args)
  const { control, engine } = values
  if (control !== undefined && !isControl(control)) throw new UsageError(`no control ${control}`)
  const shows = control === undefined ? undefined : CONTROLS[control].fault
  const names = values.faults ?? (shows === undefined ? 'short' : [...new Set(Object.values(shows))].join())
  const isShort = names === 'short' || values.short
  const faults = faultsOf(names)
  if (engine !== undefined && engine !== 'embedded' && engine !== 'full') {
    throw new UsageError('--engine must be embedded or full')
  }
  const [seed, runs, minutes] = [
    numberOf('seed', values.seed),
    numberOf('runs', values.runs),
    numberOf('minutes', values.minutes),
  ]
  const engines = (fault: Fault): readonly EngineName[] => {
    if (values.faults === undefined && shows !== undefined) {
      return fault.engines.filter((it) => shows[it] === fault.id && (engine ?? it) === it)
    }
    if (engine !== undefined) return fault.engines.includes(engine) ? [engine] : []
    return names === 'short' ? [SHORT[fault.id] ?? 'embedded'] : fault.engines
  }
  const planned = faults.flatMap((fault) =>
    engines(fault).flatMap((on) =>
      Array.from({ length: runs }, (_, i) => ({
        fault,
        engine: on,
        seed: seed + i,
        isShort,
        lengthMs: minutes * MINUTE_MS,
      })),
    ),
  )
  return {
    // Those that can share a stack stand together.
    runs: planned.toSorted((a, b) => keyOf(a).localeCompare(keyOf(b))),
    control,
    resume: values.resume,
    keep: values.keep,
    record: !values['no-record'],
    onlyTable: values.table,
  }
}

function keyOf({ engine, fault }: PlannedRun): string {
  return `${engine} ${fault.ownStack === true ? 1 : 0} ${JSON.stringify(fault.stack ?? {})}`
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        engine: { type: 'string' },
        faults: { type: 'string' },
        short: { type: 'boolean', default: false },
        seed: { type: 'string', default: '1' },
        runs: { type: 'string', default: '1' },
        minutes: { type: 'string', default: '3' },
        control: { type: 'string' },
        resume: { type: 'boolean', default: false },
        'no-record': { type: 'boolean', default: false },
        keep: { type: 'boolean', default: false },
        table: { type: 'boolean', default: false },
      },
    })
  } catch (error) {
    throw new UsageError((error as Error).message)
  }
}

function faultsOf(names: string): readonly Fault[] {
  if (names === 'all') return FAULTS
  const wanted = names === 'short' ? Object.keys(SHORT) : names.split(',')
  return wanted.map((name) => {
    const fault = BY_NAME.find(({ id }) => id === name)
    if (fault === undefined)
      throw new UsageError(`no fault ${name}; there is ${BY_NAME.map(({ id }) => id).join(', ')}`)
    return fault
  })
}

function numberOf(name: string, text: string): number {
  const value = Number(text)
  if (text === '' || !Number.isFinite(value) || value < 0) throw new UsageError(`--${name} must be a number`)
  return value
}
