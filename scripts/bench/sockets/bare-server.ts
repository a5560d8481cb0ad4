import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { end } from './clients.ts'

const FILE = fileURLToPath(new URL('./bare-process.ts', import.meta.url))

/** `ws` alone in a process of its own. */
export class BareServer implements AsyncDisposable {
  readonly url: string
  readonly #child: ChildProcess

  private constructor(child: ChildProcess, port: number) {
    this.#child = child
    this.url = `ws://127.0.0.1:${port}/ws`
  }

  static async start(): Promise<BareServer> {
    const child = fork(FILE, { execArgv: [] })
    const [port] = (await once(child, 'message')) as [number]
    return new BareServer(child, port)
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  /** Resident memory right after a collection of garbage. */
  async bytes(): Promise<number> {
    const answer = once(this.#child, 'message')
    this.#child.send('bytes')
    const [bytes] = (await answer) as [number]
    return bytes
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await end(this.#child)
  }
}
