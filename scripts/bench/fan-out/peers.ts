import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'

const PATIENCE_MS = 60_000

/** A process with the other ends of sockets, which answers each word it is given with one. */
export class Peers<Options, Given, Answer extends { readonly type: string }> implements Disposable {
  readonly #process: ChildProcess

  constructor(program: URL, options: Options) {
    this.#process = fork(program, [JSON.stringify(options)])
  }

  tell(word: Given & object): void {
    this.#process.send(word)
  }

  /** Resolves with its next word; rejects when that is another. */
  async told(type: Answer['type']): Promise<void> {
    const over = new AbortController()
    const { signal } = over
    const failing = async (event: Promise<unknown>, text: string) => {
      await event
      throw new Error(text)
    }
    try {
      const [word] = (await Promise.race([
        once(this.#process, 'message', { signal }),
        failing(once(this.#process, 'exit', { signal }), 'the other ends of the sockets are gone'),
        failing(delay(PATIENCE_MS, undefined, { signal }), `nothing ${type} within ${PATIENCE_MS} ms`),
      ])) as [Answer]
      if (word.type !== type) throw new Error(`${word.type}, where ${type} was to come`)
    } finally {
      over.abort()
    }
  }

  [Symbol.dispose](): void {
    this.#process.kill()
  }
}
