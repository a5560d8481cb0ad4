import { setTimeout as sleep } from 'node:timers/promises'
import type { Child } from '../child.ts'
import { cpuUsedBy } from '../cpu.ts'
import type { LoadEnd, LoadMark, LoadOrder, Pace } from './load-orders.ts'

export interface Run extends LoadMark, LoadEnd {
  /** µs, of each of the processes that were asked about. */
  readonly cpuOf: Readonly<Record<string, number>>
}

/** Loads, and after `warmMs` measures for `ms`; resolves when all that was sent has come to an end. */
export async function runLoad(
  load: Child<LoadOrder>,
  pids: Readonly<Record<string, number>>,
  { pace, warmMs, ms }: { readonly pace: Pace; readonly warmMs: number; readonly ms: number },
): Promise<Run> {
  await load.ask({ do: 'start', pace })
  await sleep(warmMs)
  const before = await usedBy(pids)
  await load.ask({ do: 'mark' })
  await sleep(ms)
  const mark = await load.ask<LoadMark>({ do: 'mark' })
  const after = await usedBy(pids)
  const cpuOf = Object.fromEntries(
    Object.keys(pids).map((name) => [name, (after[name] ?? 0) - (before[name] ?? 0)]),
  )
  return { ...mark, ...(await load.ask<LoadEnd>({ do: 'stop' })), cpuOf }
}

/** µs that each of the processes, with all below it, has used. */
export async function usedBy(pids: Readonly<Record<string, number>>): Promise<Record<string, number>> {
  const used = await Promise.all(
    Object.entries(pids).map(async ([name, pid]) => [name, await cpuUsedBy([pid])] as const),
  )
  return Object.fromEntries(used)
}

export function total(cpuOf: Readonly<Record<string, number>>): number {
  return Object.values(cpuOf).reduce((sum, us) => sum + us, 0)
}
