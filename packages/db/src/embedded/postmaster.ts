import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { EmbeddedPostgresError } from './errors.ts'
import { CLUSTER } from './place.ts'
import { commandLine, worksIn } from './processes.ts'

/** A server process on a data folder. */
export interface Postmaster {
  readonly pid: number
  readonly port: number
  readonly status: 'starting' | 'ready' | 'stopping'
}

const POLL_INTERVAL_MS = 25
const WATCH_INTERVAL_MS = 250

/** Fast shutdown ends sessions and writes a checkpoint; immediate leaves the rest to recovery at the next start. */
const STOP_STAGES = [
  { signal: 'SIGINT', waitMs: 30_000 },
  { signal: 'SIGQUIT', waitMs: 5_000 },
  { signal: 'SIGKILL', waitMs: 5_000 },
] as const

/** The live server on the folder's data, as `postmaster.pid` tells (its lines are described in PostgreSQL's miscadmin.h). */
export async function runningPostmaster(folder: string): Promise<Postmaster | undefined> {
  const lines = await pidFileLines(folder)
  const [pid, port, status] = [Number(lines[0]), Number(lines[3]), lines[7]?.trim()]
  if (!(pid > 0) || !(await isPostmasterOf(pid, folder))) return undefined
  return { pid, port, status: status === 'ready' || status === 'stopping' ? status : 'starting' }
}

/** Whether this process, and not another one that got its number later, serves the folder's data. */
export async function isPostmasterOf(pid: number, folder: string): Promise<boolean> {
  const words = ` ${await commandLine(pid)} `
  const pgdata = join(folder, CLUSTER)
  if (!words.includes('postgres ') || !words.includes(' -D ')) return false
  return words.includes(` ${pgdata} `) || worksIn(pid, pgdata)
}

/**
 * After a crash the number in `postmaster.pid` may be another process's by now, and PostgreSQL would take that for a live
 * server. It trusts its own parent not to be one: with our number there it goes on to its other check, whether processes
 * of the dead server still use its shared memory, which removing the file would skip.
 */
export async function disownStalePidFile(folder: string): Promise<void> {
  const lines = await pidFileLines(folder)
  if (lines.length < 2) return
  await writeFile(pidFile(folder), [String(process.pid), ...lines.slice(1)].join('\n'))
}

/** Waits until the server takes connections. Undefined: it ended first. */
export async function waitUntilReady(
  folder: string,
  pid: number,
  timeoutMs: number,
): Promise<Postmaster | undefined> {
  const deadline = Date.now() + timeoutMs
  for (;;) {
    const found = await runningPostmaster(folder)
    if (found?.pid === pid && found.status === 'ready') return found
    if (!(await isPostmasterOf(pid, folder))) return undefined
    if (Date.now() > deadline) {
      throw new EmbeddedPostgresError(
        'not_started',
        `PostgreSQL in ${folder} took no connections for ${timeoutMs / 1000} s. Look into ${join(folder, 'server.log')}, or set DATABASE_URL to a PostgreSQL of your own.`,
      )
    }
    await sleep(POLL_INTERVAL_MS)
  }
}

/** Stops the server, harder as time passes; resolves when it has ended. */
export async function stopPostmaster(folder: string, pid: number): Promise<void> {
  for (const { signal, waitMs } of STOP_STAGES) {
    if (!(await isPostmasterOf(pid, folder))) return
    signalPostmaster(pid, signal)
    if (await waitUntilEnded(folder, pid, waitMs)) return
  }
}

export async function waitUntilEnded(folder: string, pid: number, timeoutMs: number): Promise<boolean> {
  const deadline = Date.now() + timeoutMs
  while (await isPostmasterOf(pid, folder)) {
    if (Date.now() > deadline) return false
    await sleep(POLL_INTERVAL_MS)
  }
  return true
}

/** Resolves when the server has ended or `signal` aborts, whichever comes first; does not keep this process alive. */
export async function watchPostmaster(folder: string, pid: number, signal: AbortSignal): Promise<void> {
  while (!signal.aborted && (await isPostmasterOf(pid, folder))) {
    await sleep(WATCH_INTERVAL_MS, undefined, { ref: false, signal }).catch(() => undefined)
  }
}

function signalPostmaster(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

async function pidFileLines(folder: string): Promise<readonly string[]> {
  try {
    return (await readFile(pidFile(folder), 'utf8')).split('\n')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}

function pidFile(folder: string): string {
  return join(folder, CLUSTER, 'postmaster.pid')
}
