import { execFileSync } from 'node:child_process'
import { cp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { CONTROLS, isCaught } from './chaos/controls.ts'
import { BY_NAME } from './chaos/faults/index.ts'
import { type Plan, type PlannedRun, parseOptions, USAGE, UsageError } from './chaos/options.ts'
import { appendResult, isClean, lastRuns, type ResultLine, readResults, resultLine } from './chaos/results.ts'
import { type RunResult, runFault } from './chaos/run.ts'
import { ROOT, Stack, type StackOptions } from './chaos/stack.ts'
import { controlTable, table } from './chaos/table.ts'
import { createTerminal } from './start/terminal.ts'

// Breaks a Roomlog of its own while people chat in it, and has a checker judge what they saw. Exit code 1: a promise was broken.
const USUAL: Omit<StackOptions, 'engine'> = { edges: 2, persisters: 2, brokers: 1, proxied: false }
const HISTORIES = join(ROOT, '.roomlog', 'chaos')
const LINES_SHOWN = 8
/** Runs of these differ by how long they went on. */
const HAS_LENGTH = ['F29', 'soak']

const terminal = createTerminal(process.stderr)
const say = (text: string) => terminal.line(text)

async function main(): Promise<number> {
  const plan = parseOptions(process.argv.slice(2))
  const results = readResults()
  const known = results.filter(({ control, short }) => control === undefined && !short)
  if (plan.onlyTable) {
    for (const engine of ['embedded', 'full'] as const) {
      const all = known.filter((line) => line.engine === engine)
      const lines = lastRuns(all)
      if (lines.length > 0) console.log(`engine ${engine}\n\n${table(lines, BY_NAME)}\n`)
      const mended = all.filter((line) => !isClean(line) && !lines.includes(line)).length
      if (mended > 0) console.log(`${mended} runs of earlier builds were not clean, and have been repeated\n`)
    }
    console.log(controlTable(results))
    return 0
  }
  const { control } = plan
  const isDone = (run: PlannedRun) =>
    control === undefined
      ? isKnown(known, run)
      : results.some((line) => isRunOf(line, run) && isCaught(control, line))
  const runs = plan.resume ? plan.runs.filter((run) => !isDone(run)) : plan.runs
  const commit = commitNow()
  say(`${runs.length} runs, commit ${commit}`)
  const done = await runAll(runs, plan, commit)
  for (const engine of new Set(done.map((line) => line.engine))) {
    console.log(
      `\nengine ${engine}, commit ${commit}\n\n${table(
        done.filter((line) => line.engine === engine),
        BY_NAME,
      )}`,
    )
  }
  return verdict(done, plan)
}

async function runAll(
  runs: readonly PlannedRun[],
  plan: Plan,
  commit: string,
): Promise<readonly ResultLine[]> {
  const done: ResultLine[] = []
  let stack: Stack | undefined
  let key = ''
  // What was started goes with this process, however that ends; like this it ends in order.
  const stop = () => {
    say('stopping')
    void Promise.resolve(stack?.[Symbol.asyncDispose]()).finally(() => process.exit(130))
  }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, stop)
  try {
    for (const [index, run] of runs.entries()) {
      const options = { ...USUAL, ...run.fault.stack, engine: run.engine, control: plan.control }
      const wanted = run.fault.ownStack === true ? `own ${index}` : JSON.stringify(options)
      if (stack === undefined || wanted !== key) {
        await stack?.[Symbol.asyncDispose]()
        stack = undefined
        stack = await startStack(options)
        key = wanted
      }
      const { line, result } = await runOne(run, plan, commit, stack, `${index + 1} of ${runs.length}`)
      done.push(line)
      if (plan.record) appendResult(line)
      if (isClean(line)) {
        if (!plan.keep) await rm(result.folder, { recursive: true, force: true })
        continue
      }
      await cp(stack.logFolder, join(result.folder, 'logs'), { recursive: true })
      showViolations(result, plan, run, commit)
      // What a broken promise left behind is not the next run's.
      await stack[Symbol.asyncDispose]()
      stack = undefined
    }
  } finally {
    await stack?.[Symbol.asyncDispose]()
  }
  return done
}

async function startStack(options: StackOptions): Promise<Stack> {
  const stack = await Stack.prepare(options, terminal)
  try {
    await terminal.step('services', stack.startAll(), () => `services ready: ${stack.names.join(', ')}`)
    return stack
  } catch (error) {
    await stack[Symbol.asyncDispose]()
    throw error
  }
}

async function runOne(
  run: PlannedRun,
  plan: Plan,
  commit: string,
  stack: Stack,
  which: string,
): Promise<{ readonly line: ResultLine; readonly result: RunResult }> {
  const { fault, engine, seed, isShort, lengthMs } = run
  const name = [engine, fault.id, seed, ...(plan.control === undefined ? [] : [plan.control])].join('-')
  say(`\nrun ${which}: ${fault.id} ${fault.title}, engine ${engine}, seed ${seed}`)
  const startedAtMs = performance.now()
  let shownAtMs = startedAtMs
  const result = await runFault({
    stack,
    fault,
    seed,
    commit,
    folder: join(HISTORIES, `${name}-${Date.now()}`),
    isShort,
    lengthMs,
    say: (what) => say(`  ${seconds(startedAtMs)}  ${what}`),
    progress: (line) => {
      if (performance.now() - shownAtMs < (process.stderr.isTTY ? 1_000 : 5_000)) return
      shownAtMs = performance.now()
      say(`  ${seconds(startedAtMs)}  ${line}`)
    },
  })
  const { control } = plan
  const about = { commit, engine, fault: fault.id, seed, short: isShort, length: lengthMs / 1000 }
  const line = resultLine({ ...about, ...(control === undefined ? {} : { control }) }, result)
  const { acked, lost, duplicated, gaps, reordered, recovery, violations } = line
  say(
    `  ${isClean(line) ? 'clean' : `VIOLATED ${JSON.stringify(violations)}`}: ${acked} acked, ${lost} lost, ${duplicated} duplicated, ${gaps} gaps, ${reordered} reordered, recovery p99 ${recovery?.p99 ?? '-'} ms, delivery p99 ${line.delivery.p99} ms, ${line.seconds} s`,
  )
  return { line, result }
}

function showViolations(result: RunResult, plan: Plan, run: PlannedRun, commit: string): void {
  for (const { invariant, what, trace } of result.report.violations.slice(0, LINES_SHOWN)) {
    say(`  ${invariant}: ${what}`)
    for (const entry of trace ?? []) say(`      ${JSON.stringify(entry)}`)
  }
  const control = plan.control === undefined ? '' : ` --control ${plan.control}`
  const minutes = run.lengthMs / 60_000
  say(`  history and logs: ${result.folder}`)
  say(
    `  replay at ${commit}: npm run chaos -- --engine ${run.engine} --faults ${run.fault.id} --seed ${run.seed} --minutes ${minutes}${control}`,
  )
}

/** A control that does not fail with its invariant's name means that the suite is worth nothing. */
function verdict(done: readonly ResultLine[], { control }: Plan): number {
  if (control === undefined) return done.every(isClean) ? 0 : 1
  const caught = done.filter((line) => isCaught(control, line))
  const expected = CONTROLS[control].invariants.join(' or ')
  say(`control ${control}: ${caught.length} of ${done.length} runs failed with ${expected}`)
  return caught.length === done.length ? 1 : 2
}

function isKnown(known: readonly ResultLine[], run: PlannedRun): boolean {
  return known.some(
    (line) =>
      isClean(line) &&
      isRunOf(line, run) &&
      (!HAS_LENGTH.includes(run.fault.id) || line.length === run.lengthMs / 1000),
  )
}

function isRunOf(line: ResultLine, { fault, engine, seed }: PlannedRun): boolean {
  return line.fault === fault.id && line.engine === engine && line.seed === seed
}

function commitNow(): string {
  const git = (...args: readonly string[]) =>
    execFileSync('git', args, { cwd: ROOT, encoding: 'utf8' }).trim()
  try {
    const changed = git('status', '--porcelain', '--', '.', ':!scripts/chaos/results.jsonl')
    return `${git('rev-parse', '--short', 'HEAD')}${changed === '' ? '' : '+'}`
  } catch {
    return 'unknown'
  }
}

function seconds(sinceMs: number): string {
  return `${((performance.now() - sinceMs) / 1000).toFixed(1).padStart(6)} s`
}

// Ends by exit: Node 24 was seen to turn for ever in its own tidying up (`CleanupHandles`) after thousands of broken sockets.
try {
  process.exit(await main())
} catch (error) {
  console.error(error instanceof UsageError ? `${error.message}\n\n${USAGE}` : error)
  process.exit(2)
}
