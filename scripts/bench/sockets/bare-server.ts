import { Child } from '../child.ts'
import type { BareOrder } from './bare-process.ts'

/** `ws` alone in a process of its own. */
export class BareServer implements AsyncDisposable {
  readonly url: string
  readonly #child: Child<BareOrder>

  private constructor(child: Child<BareOrder>, port: number) {
    this.#child = child
    this.url = `ws://127.0.0.1:${port}/ws`
  }

  static async start(): Promise<BareServer> {
    const child = new Child<BareOrder>(new URL('./bare-process.ts', import.meta.url))
    return new BareServer(child, await child.ask({ do: 'listen' }))
  }

  get pid(): number {
    return this.#child.pid
  }

  /** Resident memory right after a collection of garbage. */
  bytes(): Promise<number> {
    return this.#child.ask({ do: 'bytes' })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#child[Symbol.asyncDispose]()
  }
}
