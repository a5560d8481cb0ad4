import { setTimeout as sleep } from 'node:timers/promises'
import type { ControlledProcess, ProcessEnd } from './controlled-process.ts'

const READY_TIMEOUT_MS = 120_000
const PROBE_INTERVAL_MS = 50

export interface ControlledServerOptions {
  /** Its data go into a new folder in this one; default: the system's for temporary files. */
  readonly folder?: string
  /** It ended and nobody here had told it to. */
  readonly onUnexpectedEnd?: (end: ProcessEnd) => void
}

/**
 * A real server that is ready, on a fixed port of 127.0.0.1 with data of its own. It never comes back by itself. Calls are
 * carried out one after the other; each does nothing when things are so already. It dies with this process, and its data
 * with it.
 */
export interface ControlledServer
  extends Pick<ControlledProcess, 'pid' | 'paused' | 'pause' | 'resume' | 'stop' | 'output'>,
    AsyncDisposable {
  /** On the same data and port. Resolves when the process runs: see `ready`. */
  start(): Promise<void>
  /** kill -9; a server of several processes loses them all at once. */
  kill(): Promise<void>
  /** Resolves when it can be used. Throws when it does not run, or after `timeoutMs`, default 120 s. */
  ready(timeoutMs?: number): Promise<void>
}

/**
 * What can be done to a server's process, beside what is the server's `own`. Not to be spread: that would ask for its pid
 * once and for all.
 */
export function withControls<T extends object>(server: ControlledProcess, own: T) {
  return {
    get pid() {
      return server.pid
    },
    get paused() {
      return server.paused
    },
    start: server.start,
    stop: server.stop,
    pause: server.pause,
    resume: server.resume,
    output: server.output,
    kill: () => server.kill(),
    ...own,
  }
}

/** Tries until `probe` throws no more. */
export async function untilReady(
  name: string,
  processes: readonly Pick<ControlledProcess, 'pid' | 'output'>[],
  probe: () => Promise<void>,
  timeoutMs = READY_TIMEOUT_MS,
): Promise<void> {
  const deadline = Date.now() + timeoutMs
  for (;;) {
    try {
      return await probe()
    } catch (cause) {
      const late = Date.now() > deadline
      if (late || processes.every(({ pid }) => pid === undefined)) {
        const outputs = await Promise.all(processes.map((it) => it.output()))
        const why = late ? `was not ready within ${timeoutMs} ms` : 'does not run'
        throw new Error(`${name} ${why}: ${outputs.join('\n').trim()}`, { cause })
      }
    }
    await sleep(PROBE_INTERVAL_MS)
  }
}
