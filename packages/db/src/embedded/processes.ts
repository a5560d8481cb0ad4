import { execFile } from 'node:child_process'
import { readFile, stat } from 'node:fs/promises'
import { promisify } from 'node:util'

const run = promisify(execFile)
const onLinux = process.platform === 'linux'

/** Names one life of a process id, which is given to another process later. Undefined: no such process, or a zombie. */
export async function processStamp(pid: number): Promise<string | undefined> {
  try {
    if (!onLinux) return (await run('ps', ['-o', 'lstart=', '-p', String(pid)])).stdout.trim() || undefined
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
    // The second field is the program's name in parentheses and may hold spaces; proc(5) numbers from 1.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    const [state, startTicks] = [fields[0], fields[19]]
    if (state === 'Z' || state === 'X') return undefined
    return `${(await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim()}.${startTicks}`
  } catch {
    return undefined
  }
}

/** The command line of a process, its arguments apart where the system tells; empty when there is none. */
export async function commandLine(pid: number): Promise<string> {
  try {
    if (onLinux) return (await readFile(`/proc/${pid}/cmdline`, 'utf8')).replaceAll('\0', ' ')
    return (await run('ps', ['-o', 'args=', '-p', String(pid)])).stdout.trim()
  } catch {
    return ''
  }
}

/** Whether the process works in this folder, by whatever path it came there; false where the system does not tell. */
export async function worksIn(pid: number, folder: string): Promise<boolean> {
  try {
    const [there, here] = await Promise.all([stat(`/proc/${pid}/cwd`), stat(folder)])
    return there.ino === here.ino && there.dev === here.dev
  } catch {
    return false
  }
}
