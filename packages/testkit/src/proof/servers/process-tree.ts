import { execFile } from 'node:child_process'
import { readdir, readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'

const run = promisify(execFile)

const POLL_INTERVAL_MS = 10
/** A signal waits while a process waits for its disk. */
const OBEYED_TIMEOUT_MS = 10_000

interface Running {
  readonly pid: number
  readonly parent: number
  /** One letter, as in ps(1). */
  readonly state: string
}

/** SIGSTOP to a process and all below it; resolves when the whole tree stands still. */
export async function pauseTree(root: number): Promise<void> {
  // A parent that has stopped forks no more, so that each round leaves fewer to stop.
  await obeyed(async () => {
    const running = (await treeOf(root)).filter(({ state }) => state !== 'T')
    for (const { pid } of running) signalProcess(pid, 'SIGSTOP')
    return running.length === 0
  })
}

/** SIGCONT to a process and all below it, the process itself last. */
export async function resumeTree(root: number): Promise<void> {
  const tree = await treeOf(root)
  for (const { pid } of tree.toReversed()) signalProcess(pid, 'SIGCONT')
}

/** SIGKILL to a process and all below it at once, as when a machine or a container dies. */
export async function killTree(root: number): Promise<void> {
  await pauseTree(root)
  const tree = await treeOf(root)
  for (const { pid } of tree) signalProcess(pid, 'SIGKILL')
  const pids = new Set(tree.map(({ pid }) => pid))
  await obeyed(async () => !(await liveProcesses()).some(({ pid }) => pids.has(pid)))
}

/** Sends a signal; a process that is no more is none of the caller's concern. */
export function signalProcess(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

/** The live processes of a tree, parents before children. Those whose parent has died are not found any more. */
export async function treeOf(root: number): Promise<readonly Running[]> {
  const all = await liveProcesses()
  const found = all.filter(({ pid }) => pid === root)
  // Grows while it is walked.
  for (const { pid } of found) found.push(...all.filter(({ parent }) => parent === pid))
  return found
}

async function obeyed(condition: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + OBEYED_TIMEOUT_MS
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`processes did not obey a signal in ${OBEYED_TIMEOUT_MS} ms`)
    await sleep(POLL_INTERVAL_MS)
  }
}

async function liveProcesses(): Promise<readonly Running[]> {
  const all = process.platform === 'linux' ? await fromProc() : await fromPs()
  // Zombies and the dead wait to be collected by their parent, which may be slow or stopped.
  return all.filter(({ state }) => state !== 'Z' && state !== 'X')
}

async function fromProc(): Promise<readonly Running[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const stats = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')))
  return stats.filter(Boolean).map((stat) => {
    // The second field is the program's name in parentheses and may hold spaces.
    const [state = '', parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return { pid: Number.parseInt(stat, 10), parent: Number(parent), state: state === 't' ? 'T' : state }
  })
}

async function fromPs(): Promise<readonly Running[]> {
  const { stdout } = await run('ps', ['-A', '-o', 'pid=,ppid=,stat='])
  return stdout.split('\n').flatMap((line) => {
    const [pid, parent, state] = line.trim().split(/\s+/)
    return state === undefined ? [] : [{ pid: Number(pid), parent: Number(parent), state: state.charAt(0) }]
  })
}
