import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { ClientAnswer, ClientEnd, ClientOrder } from './client-process.ts'

const FILE = fileURLToPath(new URL('./client-process.ts', import.meta.url))
/** Handshakes under way: enough that no server waits for its clients, and fewer than any backlog of theirs. */
const AT_ONCE = 128

/** Thousands of client ends in a process of their own. */
export class Clients implements AsyncDisposable {
  readonly #child: ChildProcess = fork(FILE, { execArgv: [] })

  /** Resolves with the milliseconds until all of them are in; rejects when one is refused. */
  open(url: string, ends: readonly ClientEnd[]): Promise<number> {
    return this.#tell({ do: 'open', url, ends, atOnce: AT_ONCE })
  }

  /** Ends all; rejects when one had ended before. */
  async close(): Promise<void> {
    await this.#tell({ do: 'close' })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await end(this.#child)
  }

  async #tell(order: ClientOrder): Promise<number> {
    const answer = once(this.#child, 'message')
    this.#child.send(order)
    const [told] = (await answer) as [ClientAnswer]
    if ('error' in told) throw new Error(`client ends: ${told.error}`)
    return told.ms
  }
}

export async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.kill('SIGKILL')
  await ended
}
