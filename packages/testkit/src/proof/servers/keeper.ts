/**
 * Runs as a process of its own beside the one that started servers, and outlives it by moments: when standard input ends,
 * which it does however that process dies, the processes named on it are killed and the folders named on it removed.
 */
import { rm } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import type { Kept } from './kept.ts'
import { killTree } from './process-tree.ts'

const REMOVE_ATTEMPTS = 20

// What ends the other process must not end this one first.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined)

const pids = new Set<number>()
const folders = new Set<string>()

createInterface({ input: process.stdin })
  .on('line', (line) => {
    const { keep, pid, folder } = JSON.parse(line) as Kept
    if (pid !== undefined) pids[keep ? 'add' : 'delete'](pid)
    if (folder !== undefined) folders[keep ? 'add' : 'delete'](folder)
  })
  .on('close', async () => {
    await Promise.allSettled([...pids].map(killTree))
    const options = { recursive: true, force: true, maxRetries: REMOVE_ATTEMPTS }
    await Promise.allSettled([...folders].map((folder) => rm(folder, options)))
  })
