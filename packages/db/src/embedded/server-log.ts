import { closeSync, openSync } from 'node:fs'
import { open, rename, stat, statfs, truncate } from 'node:fs/promises'
import { join } from 'node:path'

const LOG_FILE = 'server.log'
const TAIL_BYTES = 4096
const MAX_LOG_BYTES = 16 * 1024 * 1024
const WATCH_INTERVAL_MS = 60_000
const FULL_BELOW_BYTES = 1024 * 1024

/** Put before each line; %e is the SQLSTATE. */
export const LOG_LINE_PREFIX = '%m [%p] %e '

export function serverLog(folder: string): string {
  return join(folder, LOG_FILE)
}

/** Runs `use` with a descriptor of a new log; the one of the run before is kept beside it. */
export async function withNewLog<T>(folder: string, use: (descriptor: number) => T): Promise<T> {
  const path = serverLog(folder)
  await rename(path, `${path}.1`).catch(() => undefined)
  const descriptor = openSync(path, 'a', 0o600)
  try {
    return use(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

/** Empties the log whenever it has grown too large; PostgreSQL appends to it. Call the result to end that. */
export function boundLog(folder: string): () => void {
  const path = serverLog(folder)
  const timer = setInterval(async () => {
    const size = await stat(path).then(
      (found) => found.size,
      () => 0,
    )
    if (size > MAX_LOG_BYTES) await truncate(path).catch(() => undefined)
  }, WATCH_INTERVAL_MS)
  timer.unref()
  return () => clearInterval(timer)
}

/** The last lines of the log, oldest first. */
export async function logTail(folder: string): Promise<readonly string[]> {
  const file = await open(serverLog(folder)).catch(() => undefined)
  if (file === undefined) return []
  try {
    const { size } = await file.stat()
    const start = Math.max(0, size - TAIL_BYTES)
    const { buffer, bytesRead } = await file.read(Buffer.alloc(TAIL_BYTES), 0, TAIL_BYTES, start)
    return buffer.toString('utf8', 0, bytesRead).trim().split('\n')
  } finally {
    await file.close()
  }
}

/** Whether a line of that SQLSTATE is among them. */
export function hasState(lines: readonly string[], sqlState: string): boolean {
  return lines.some((line) => line.includes(`] ${sqlState} `))
}

export async function diskIsFull(folder: string): Promise<boolean> {
  const { bavail, bsize } = await statfs(folder)
  return bavail * bsize < FULL_BELOW_BYTES
}
