import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

/** A process of its own that answers each message with one; see `answering`. */
export class Child implements AsyncDisposable {
  readonly #process: ChildProcess

  constructor(file: URL) {
    this.#process = fork(fileURLToPath(file), { execArgv: [] })
  }

  /** One at a time. Rejects when the process ends. */
  async ask<Answer>(message: unknown): Promise<Answer> {
    const listening = new AbortController()
    const { signal } = listening
    const ended = once(this.#process, 'exit', { signal }).then(([code, killedBy]) => {
      throw new Error(`a process of the bench ended (${code ?? killedBy})`)
    })
    const answered = once(this.#process, 'message', { signal })
    try {
      this.#process.send(message as object)
      return (await Promise.race([answered, ended]))[0]
    } finally {
      listening.abort()
      await Promise.allSettled([answered, ended])
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { exitCode, signalCode } = this.#process
    if (exitCode !== null || signalCode !== null) return
    const ended = once(this.#process, 'exit')
    this.#process.kill('SIGKILL')
    await ended
  }
}

/** In such a process: what each message is answered with. An error ends the process. */
export function answering<Message>(answer: (message: Message) => Promise<unknown>): void {
  process.on('message', async (message) => {
    process.send?.(await answer(message as Message))
  })
}
