import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { open } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { keepProcess } from './kept.ts'
import { killTree, pauseTree, resumeTree, signalProcess } from './process-tree.ts'

const STOP_TIMEOUT_MS = 30_000
const TAIL_BYTES = 4096

// Waits until the keeper knows of it, and is not begun at all when this process dies before.
const GATED = 'read -r _ && exec "$@" </dev/null'

export interface ProcessEnd {
  readonly name: string
  readonly pid: number
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  /** The end of what it printed. */
  readonly output: string
}

export interface ControlledProcessOptions {
  /** For people. */
  readonly name: string
  readonly command: string
  readonly args: readonly string[]
  /** A file that gets all it prints. */
  readonly log: string
  readonly cwd?: string | URL
  readonly env?: NodeJS.ProcessEnv
  readonly uid?: number
  readonly gid?: number
  /** Done before each life. */
  readonly beforeStart?: () => Promise<void>
  /** What asks it to end cleanly; default SIGTERM. */
  readonly stopSignal?: NodeJS.Signals
  /** It ended and nobody here had told it to. */
  readonly onUnexpectedEnd?: ((end: ProcessEnd) => void) | undefined
}

/**
 * A child process with all that it starts, that can be ended, frozen and started again. Calls are carried out one after
 * the other; each does nothing when things are so already, and resolves when they are so. It dies with this process.
 */
export interface ControlledProcess extends AsyncDisposable {
  /** Undefined while it does not run. A paused one runs. */
  readonly pid: number | undefined
  readonly paused: boolean
  /** The same command again. Resolves when it runs, which is before it can be used. */
  start(): Promise<void>
  /**
   * Resolves when it has ended. SIGKILL ends everything below it as well, at once. Another signal first resumes it, for
   * it acts on none while paused, and it may take its time: SIGKILL after 30 s.
   */
  kill(signal?: NodeJS.Signals): Promise<void>
  /** Asks it to end cleanly; SIGKILL after 30 s. */
  stop(): Promise<void>
  /** Freezes it and everything below it. */
  pause(): Promise<void>
  resume(): Promise<void>
  /** The end of what it printed. */
  output(): Promise<string>
}

interface Life {
  readonly pid: number
  readonly over: Promise<void>
  paused: boolean
  told: boolean
}

export function controlledProcess(options: ControlledProcessOptions): ControlledProcess {
  let life: Life | undefined
  let turn: Promise<unknown> = Promise.resolve()
  const inTurn = <T>(act: () => Promise<T>): Promise<T> => {
    const result = turn.then(act)
    turn = result.catch(() => undefined)
    return result
  }
  const output = () => tailOf(options.log)

  const start = async () => {
    if (life !== undefined) return
    await options.beforeStart?.()
    const child = await spawnGated(options)
    const pid = await spawned(child)
    const release = keepProcess(pid)
    const over = once(child, 'exit').then(async ([code, signal]) => {
      release()
      const { told } = begun
      life = undefined
      if (!told) options.onUnexpectedEnd?.({ name: options.name, pid, code, signal, output: await output() })
    })
    const begun: Life = { pid, over, paused: false, told: false }
    life = begun
    child.stdin?.on('error', () => undefined).end('\n')
  }
  const kill = async (signal: NodeJS.Signals) => {
    if (life === undefined) return
    life.told = true
    await endLife(life, signal)
  }
  const pause = async () => {
    if (life === undefined) return
    await pauseTree(life.pid)
    life.paused = true
  }
  const resume = async () => {
    if (life === undefined) return
    await resumeTree(life.pid)
    life.paused = false
  }
  return {
    get pid() {
      return life?.pid
    },
    get paused() {
      return life?.paused ?? false
    },
    start: () => inTurn(start),
    kill: (signal = 'SIGKILL') => inTurn(() => kill(signal)),
    stop: () => inTurn(() => kill(options.stopSignal ?? 'SIGTERM')),
    pause: () => inTurn(pause),
    resume: () => inTurn(resume),
    output,
    [Symbol.asyncDispose]: () => inTurn(() => kill('SIGKILL')),
  }
}

async function spawnGated(options: ControlledProcessOptions): Promise<ChildProcess> {
  const { command, args, log, cwd, env, uid, gid } = options
  const file = await open(log, 'a')
  try {
    return spawn('/bin/sh', ['-c', GATED, 'sh', command, ...args], {
      ...(cwd === undefined ? {} : { cwd }),
      ...(env === undefined ? {} : { env }),
      ...(uid === undefined ? {} : { uid }),
      ...(gid === undefined ? {} : { gid }),
      // Ctrl-C in the terminal is for this process to act on.
      detached: true,
      stdio: ['pipe', file.fd, file.fd],
    })
  } finally {
    await file.close()
  }
}

async function spawned(child: ChildProcess): Promise<number> {
  if (child.pid === undefined) throw (await once(child, 'error'))[0]
  return child.pid
}

async function endLife(life: Life, signal: NodeJS.Signals): Promise<void> {
  if (signal !== 'SIGKILL') {
    if (life.paused) await resumeTree(life.pid)
    signalProcess(life.pid, signal)
    const timer = new AbortController()
    const late = sleep(STOP_TIMEOUT_MS, true, { signal: timer.signal }).catch(() => false)
    const tooLate = await Promise.race([life.over.then(() => false), late])
    timer.abort()
    if (!tooLate) return
  }
  await killTree(life.pid)
  await life.over
}

async function tailOf(path: string): Promise<string> {
  const file = await open(path).catch(() => undefined)
  if (file === undefined) return ''
  try {
    const { size } = await file.stat()
    const { buffer, bytesRead } = await file.read(
      Buffer.alloc(TAIL_BYTES),
      0,
      TAIL_BYTES,
      Math.max(0, size - TAIL_BYTES),
    )
    return buffer.toString('utf8', 0, bytesRead)
  } finally {
    await file.close()
  }
}
