import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { Writable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { StartFailure } from './failure.ts'
import { openServiceLog, type ServiceLog } from './service-log.ts'
import type { ServiceSpec } from './services.ts'
import type { Terminal } from './terminal.ts'

/** A service that is started again whenever it ends, until stopped. */
export interface RunningService {
  readonly spec: ServiceSpec
  /** Undefined between two lives. */
  readonly pid: number | undefined
  /** Resolves when `/readyz` answers 200. Rejects after 60 s, or when the service has ended three times. */
  ready(): Promise<void>
  /** SIGTERM, and after 20 s SIGKILL; resolves when the process has ended. Safe to repeat. */
  stop(): Promise<void>
  /** SIGKILL, now. */
  kill(): void
}

export interface ServiceHost {
  readonly logFolder: string
  readonly terminal: Terminal
  /** Called after each start and each end of a process. */
  readonly onChange: () => void
  /** What services inherit, and so keep open while they run. */
  readonly holds?: Writable | undefined
  /** Told how a process ended: `SIGKILL`, `exit code 1: …`; `asked` where `stop` was called. */
  readonly onEnd?: (name: string, how: string, asked: boolean) => void
  /** The delay before the next life; default `restartDelayMs`. */
  readonly delayMs?: typeof restartDelayMs
}

const FOLLOW_PARENT = new URL('./follow-parent.ts', import.meta.url).href
const LIFELINE_FD = 3
const FIRST_RESTART_DELAY_MS = 500
const MAX_RESTART_DELAY_MS = 10_000
const STABLE_LIFE_MS = 30_000
const STOP_TIMEOUT_MS = 20_000
const READY_TIMEOUT_MS = 60_000
const READY_POLL_MS = 50
const MAX_ENDS_BEFORE_READY = 3

/** The delay before the next life: half a second, doubled with each short life to at most 10 s. */
export function restartDelayMs(lastDelayMs: number, lifeMs: number): number {
  if (lastDelayMs === 0 || lifeMs >= STABLE_LIFE_MS) return FIRST_RESTART_DELAY_MS
  return Math.min(lastDelayMs * 2, MAX_RESTART_DELAY_MS)
}

export function runService(spec: ServiceSpec, host: ServiceHost): RunningService {
  const { terminal, onChange } = host
  const say = (text: string) => terminal.line(`  ${spec.name}: ${text}`)
  const log = openServiceLog(join(host.logFolder, `${spec.name}.log`), say)
  const stopping = new AbortController()
  let child: ChildProcess | undefined
  let ends = 0

  const lives = async () => {
    for (let delayMs = 0; !stopping.signal.aborted; ) {
      const startedAt = performance.now()
      child = spawnService(spec, host.holds)
      if (child.stdout) log.follow(child.stdout)
      if (child.stderr) log.follow(child.stderr)
      onChange()
      const how = await endOf(child, log)
      child = undefined
      ends += 1
      onChange()
      host.onEnd?.(spec.name, how, stopping.signal.aborted)
      if (stopping.signal.aborted) break
      delayMs = (host.delayMs ?? restartDelayMs)(delayMs, performance.now() - startedAt)
      say(`ended (${how}), is started again in ${delayMs / 1000} s`)
      await sleep(delayMs, undefined, { signal: stopping.signal }).catch(() => undefined)
    }
  }
  const over = lives().finally(log.close)

  const failure = (what: string) =>
    new StartFailure(
      'service_not_ready',
      `${spec.name} ${what}. ${['It said:', ...log.tail()].join('\n    ')}\nMend that and start again; all of its log is in ${join(host.logFolder, `${spec.name}.log`)}.`,
    )
  const ready = async () => {
    const deadline = performance.now() + READY_TIMEOUT_MS
    while (!stopping.signal.aborted && !(await answersReady(spec))) {
      if (ends >= MAX_ENDS_BEFORE_READY) throw failure('ends as soon as it is started')
      if (performance.now() > deadline) throw failure(`is not ready after ${READY_TIMEOUT_MS / 1000} s`)
      await sleep(READY_POLL_MS)
    }
  }
  const stop = async () => {
    if (!stopping.signal.aborted) child?.kill('SIGTERM')
    stopping.abort()
    const timer = setTimeout(() => {
      say(`did not stop within ${STOP_TIMEOUT_MS / 1000} s and is ended`)
      child?.kill('SIGKILL')
    }, STOP_TIMEOUT_MS)
    await over.finally(() => clearTimeout(timer))
  }
  return {
    spec,
    get pid() {
      return child?.pid
    },
    ready,
    stop,
    kill: () => void child?.kill('SIGKILL'),
  }
}

// In a process group of its own, for Ctrl-C in a terminal must reach only the starter, which stops things in order; and
// on a pipe that ends with the starter, however that ends.
function spawnService(spec: ServiceSpec, holds: Writable | undefined): ChildProcess {
  const held = holds === undefined || holds.destroyed ? [] : [holds]
  const child = spawn(process.execPath, [...(spec.flags ?? []), '--import', FOLLOW_PARENT, spec.file], {
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe', 'pipe', ...held],
    cwd: fileURLToPath(new URL('../..', import.meta.url)),
    env: { ...spec.env, ROOMLOG_LIFELINE_FD: String(LIFELINE_FD) },
  })
  child.stdio[LIFELINE_FD]?.on('error', () => undefined)
  return child
}

async function endOf(child: ChildProcess, log: ServiceLog): Promise<string> {
  try {
    const [code, signal] = await once(child, 'close')
    return signal === null ? [`exit code ${code}`, ...log.tail().slice(-1)].join(': ') : String(signal)
  } catch (error) {
    return (error as Error).message
  }
}

/** Whether `/readyz` says so. */
export async function answersReady(spec: ServiceSpec): Promise<boolean> {
  return (await whyNotReady(spec)) === undefined
}

/** What `/readyz` answers instead of 200, or why it does not answer. */
export async function whyNotReady({ host, port }: ServiceSpec): Promise<string | undefined> {
  const name = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host.includes(':') ? `[${host}]` : host
  try {
    const answer = await fetch(`http://${name}:${port}/readyz`, { signal: AbortSignal.timeout(2_000) })
    const text = await answer.text()
    return answer.ok ? undefined : text
  } catch (error) {
    return String(error)
  }
}
