import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** A line to the keeper. */
export interface Kept {
  readonly keep: boolean
  readonly pid?: number
  readonly folder?: string
}

const KEEPER = fileURLToPath(new URL('keeper.ts', import.meta.url))

let keeper: ChildProcess | undefined
let held = 0

/** The process and all below it die with this process, however that ends. Call the result when it has ended. */
export function keepProcess(pid: number): () => void {
  return keep({ pid })
}

/** A new folder for temporary files that does not outlive this process, however that ends. */
export async function keptFolder(
  name: string,
  parent = tmpdir(),
): Promise<AsyncDisposable & { path: string }> {
  const path = await mkdtemp(join(parent, `${name}-`))
  const release = keep({ folder: path })
  return {
    path,
    [Symbol.asyncDispose]: async () => {
      await rm(path, { recursive: true, force: true, maxRetries: 5 })
      release()
    },
  }
}

function keep(what: Omit<Kept, 'keep'>): () => void {
  held += 1
  tell({ keep: true, ...what })
  let released = false
  return () => {
    if (released) return
    released = true
    tell({ keep: false, ...what })
    held -= 1
    if (held > 0) return
    keeper?.stdin?.end()
    keeper = undefined
  }
}

function tell(line: Kept): void {
  keeper ??= startKeeper()
  keeper.stdin?.write(`${JSON.stringify(line)}\n`)
}

// In a session of its own: Ctrl-C reaches the whole group of a terminal.
function startKeeper(): ChildProcess {
  const child = spawn(process.execPath, [KEEPER], { detached: true, stdio: ['pipe', 'ignore', 'inherit'] })
  child.on('error', () => undefined)
  child.stdin.on('error', () => undefined)
  child.unref()
  // The pipe would keep this process alive as well.
  if ('unref' in child.stdin && typeof child.stdin.unref === 'function') child.stdin.unref()
  return child
}
