import { Child } from '../child.ts'
import type { ClientEnd, ClientOrder } from './client-process.ts'

/** Handshakes under way: enough that no server waits for its clients, and fewer than any backlog of theirs. */
const AT_ONCE = 128

/** Thousands of client ends in a process of their own. */
export class Clients implements AsyncDisposable {
  readonly #child = new Child<ClientOrder>(new URL('./client-process.ts', import.meta.url))

  /** Resolves with the milliseconds until all of them are in; rejects when one is refused. */
  open(url: string, ends: readonly ClientEnd[]): Promise<number> {
    return this.#child.ask({ do: 'open', url, ends, atOnce: AT_ONCE })
  }

  /** Ends all; rejects when one had ended before. */
  async close(): Promise<void> {
    await this.#child.ask({ do: 'close' })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#child[Symbol.asyncDispose]()
  }
}
