import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Writable } from 'node:stream'

/**
 * Stops the embedded PostgreSQL when nobody is left who could: neither the starter, ended by kill -9 for example, nor a
 * service that still drains.
 */
export interface DatabaseGuard {
  /** While anybody holds this pipe open, PostgreSQL stays; services are to inherit it. Only `watch` writes to it. */
  readonly pipe: Writable
  /** The server to stop; undefined: there is none. */
  watch(pid: number | undefined): void
  end(): Promise<void>
}

// The last line names the server. SIGINT: sessions are ended and a checkpoint is written.
const GUARD = 'while read -r line; do pid=$line; done; if [ -n "$pid" ]; then kill -INT "$pid"; fi'

export function startDatabaseGuard(): DatabaseGuard {
  const guard = spawn('/bin/sh', ['-c', GUARD], {
    cwd: '/',
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  const ended = once(guard, 'exit').catch(() => undefined)
  // Without a guard, PostgreSQL outlives a kill -9 and is found by the next start.
  guard.stdin.on('error', () => undefined)
  guard.unref()
  return {
    pipe: guard.stdin,
    watch: (pid) => void guard.stdin.write(`${pid ?? ''}\n`),
    end: async () => {
      guard.ref()
      guard.kill('SIGKILL')
      await ended
    },
  }
}
