import { setTimeout as sleep } from 'node:timers/promises'
import { searchCanaries, summaryOf } from '@roomlog/testkit/canaries'
import { check, type Entry, Recorder, type Report, random, readHistory } from '@roomlog/testkit/proof'
import { type Percentiles, percentiles } from '../bench/percentiles.ts'
import { auditOf } from './audit.ts'
import type { Fault } from './fault.ts'
import { CROWD, Crowd } from './load/crowd.ts'
import { memoryOf } from './memory.ts'
import { judged, Nemesis } from './nemesis.ts'
import { afterHeal, attempt, comeToRest } from './phases.ts'
import { recoveries } from './recovery.ts'
import type { Stack } from './stack.ts'

export interface RunOptions {
  readonly stack: Stack
  readonly fault: Fault
  readonly seed: number
  readonly commit: string
  /** Where the history goes. */
  readonly folder: string
  readonly isShort: boolean
  readonly lengthMs: number
  /** Told what happens, and each second how it stands. */
  readonly say: (what: string) => void
  readonly progress: (line: string) => void
}

export interface RunResult {
  readonly report: Report
  readonly recovery: Percentiles | undefined
  readonly seconds: number
  readonly folder: string
}

const WARM_UP_MS = 4_000
const AFTER_COLLECTION_MS = 500
const FINDINGS_SHOWN = 5
const READY_PATIENCE_MS = 60_000
/** Memory is back within a fifth; what V8 keeps for itself comes on top. */
const MEMORY_GROWTH = 1.2
const MEMORY_LOOKS = 4
const MEMORY_LOOK_MS = 1_000
const MEMORY_SLACK_BYTES = 12 * 1024 * 1024

/** One run of one fault with one seed: warm-up, load with the fault, quiet, a last reading of everything, the judgement. */
export async function runFault(options: RunOptions): Promise<RunResult> {
  const { stack, fault, seed, folder } = options
  const startedAtMs = performance.now()
  const recorder = Recorder.open(folder)
  const own = recorder.of('nemesis')
  const { engine, control } = stack.options
  own.write({
    type: 'run',
    commit: options.commit,
    engine,
    faults: [fault.id],
    seed,
    ...(control === undefined ? {} : { control }),
  })
  stack.onTrouble = (what) => {
    own.write({ type: 'trouble', what })
    options.say(what)
  }
  await drive(options, recorder)
  recorder.close()
  const history = readHistory(folder)
  const values = recoveries(history)
  const recovery = values.length === 0 ? undefined : percentiles(values)
  return {
    report: check([...history, ...judgements(options, history, recovery)]),
    recovery,
    seconds: (performance.now() - startedAtMs) / 1000,
    folder,
  }
}

async function drive(options: RunOptions, recorder: Recorder): Promise<void> {
  const { stack, fault, seed, say } = options
  const own = recorder.of('nemesis')
  const size = { ...CROWD, ...fault.crowd, ...(options.isShort ? fault.shortCrowd : {}) }
  const from = { apiUrl: stack.apiUrl, wsUrls: stack.wsUrls, recorder, seed }
  const crowd = await attempt('the gathering', own, () => Crowd.gather(size, from))
  if (crowd === undefined) return
  const nemesis = new Nemesis({
    fault: fault.id,
    stack,
    crowd,
    random: random(seed),
    recording: own,
    isShort: options.isShort,
    lengthMs: options.lengthMs,
    say,
  })
  const watch = setInterval(() => options.progress(lineOf(crowd)), 1_000)
  try {
    own.write({ type: 'phase', phase: 'load' })
    crowd.start()
    await sleep(WARM_UP_MS)
    const memory = await memoryOf(stack)
    // What waited for the collections is not the fault's.
    await sleep(AFTER_COLLECTION_MS)
    await attempt(fault.id, own, () => fault.inject(nemesis))
    await afterHeal(crowd, own, () => stack.ready(undefined, READY_PATIENCE_MS))
    await comeToRest(crowd, own)
    await attempt('the audit', own, () => askAuditor(stack, nemesis, say))
    await checkMemory(stack, memory, nemesis)
    await searchLogs(stack, nemesis, say)
    own.write({ type: 'phase', phase: 'over' })
  } finally {
    clearInterval(watch)
    crowd.close()
  }
}

async function askAuditor(stack: Stack, nemesis: Nemesis, say: (text: string) => void): Promise<void> {
  const { counts, findings } = await auditOf(stack)
  for (const finding of findings.slice(0, FINDINGS_SHOWN)) say(JSON.stringify(finding))
  const total = Object.values(counts).reduce((sum, count) => sum + count, 0)
  nemesis.bound('findings of the loss auditor', total, 0)
}

async function checkMemory(
  stack: Stack,
  before: ReadonlyMap<string, number>,
  nemesis: Nemesis,
): Promise<void> {
  const limits = new Map([...before].map(([name, was]) => [name, was * MEMORY_GROWTH + MEMORY_SLACK_BYTES]))
  let after = await memoryOf(stack)
  // A collection may have left what the next one takes; a leak is there each time.
  const isAbove = () => [...after].some(([name, bytes]) => bytes > (limits.get(name) ?? bytes))
  for (let looks = 1; looks < MEMORY_LOOKS && isAbove(); looks += 1) {
    await sleep(MEMORY_LOOK_MS)
    after = await memoryOf(stack)
  }
  for (const [name, bytes] of after) {
    const limit = limits.get(name)
    if (limit === undefined) continue
    nemesis.bound(`memory of ${name} in MiB`, bytes / 1024 ** 2, Math.round(limit / 1024 ** 2))
  }
}

/** Passwords, tokens and bodies, in the logs of all runs on these servers. */
async function searchLogs(stack: Stack, nemesis: Nemesis, say: (text: string) => void): Promise<void> {
  const search = await searchCanaries(stack.logFolder)
  say(summaryOf(search))
  for (const hit of search.hits.slice(0, FINDINGS_SHOWN)) say(hit)
  nemesis.bound('secrets in the logs', search.hits.length, 0)
}

/** What only the whole history shows, as further entries of it. */
function judgements(
  { fault, say }: RunOptions,
  history: readonly Entry[],
  recovery: Percentiles | undefined,
) {
  const what = 'p99 of recovery, ms'
  const recovered =
    recovery === undefined ? [] : [{ what, measured: recovery.p99, limit: fault.recovery.p99Ms }]
  const t = history.at(-1)?.t ?? 0
  return [...recovered, ...(fault.judge?.(history) ?? [])].map((measured): Entry => {
    const { entry, text } = judged(fault.id, measured)
    say(text)
    return { t, ...entry }
  })
}

function lineOf(crowd: Crowd): string {
  const { accepted, sent, pending, live, clients } = crowd
  return `sent ${sent}  acked ${accepted}  waiting ${pending}  live ${live}/${clients.length}`
}
