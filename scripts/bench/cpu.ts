import { execFileSync } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { treeOf } from '@roomlog/testkit/proof'

/** What `work` cost this process, all its threads, in µs of CPU. */
export async function cpuOf(work: () => Promise<void> | void): Promise<{ user: number; system: number }> {
  const before = process.cpuUsage()
  await work()
  return process.cpuUsage(before)
}

const TICKS_PER_SECOND = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }))
/** Of /proc/PID/stat, counted from after the name, which may hold anything (proc_pid_stat(5), fields 14 to 17). */
const [UTIME, STIME, CUTIME, CSTIME] = [11, 12, 13, 14] as const

/** CPU that processes and all below them have used since they began, in µs; those that have ended count through their parents. */
export async function cpuUsedBy(pids: readonly number[]): Promise<number> {
  const trees = await Promise.all(pids.map((pid) => treeOf(pid)))
  const used = await Promise.all(trees.flat().map(({ pid }) => ticksOf(pid)))
  return (used.reduce((sum, ticks) => sum + ticks, 0) * 1_000_000) / TICKS_PER_SECOND
}

async function ticksOf(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'latin1').catch(() => '')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return [UTIME, STIME, CUTIME, CSTIME].reduce((sum, field) => sum + Number(fields[field] ?? 0), 0)
}
