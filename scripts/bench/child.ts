import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'

/** A process that is still at it then will never be done. */
const PATIENCE_MS = 120_000

interface Answer {
  readonly value?: unknown
  readonly error?: string
}

/** A process of ours that does what it is told over IPC, one order after the other; it ends with the block that uses it. */
export class Child<Order extends object> implements AsyncDisposable {
  readonly #child: ChildProcess
  #turn: Promise<unknown> = Promise.resolve()

  constructor(file: URL) {
    this.#child = fork(file, { execArgv: [], serialization: 'advanced' })
  }

  get pid(): number {
    return this.#child.pid ?? Number.NaN
  }

  /** Rejects when the process says so, ends, or has not answered after two minutes. */
  ask<T>(order: Order): Promise<T> {
    const answer = this.#turn.then(() => this.#ask(order))
    this.#turn = answer.catch(() => undefined)
    return answer as Promise<T>
  }

  async #ask(order: Order): Promise<unknown> {
    const over = new AbortController()
    const { signal } = over
    try {
      this.#child.send(order)
      const ended = once(this.#child, 'exit', { signal }).then(([code, killedBy]) => {
        throw new Error(`a process of the bench has ended (${code ?? killedBy})`)
      })
      const late = delay(PATIENCE_MS, undefined, { signal }).then(() => {
        throw new Error(`a process of the bench has not answered ${JSON.stringify(order).slice(0, 100)}`)
      })
      const answered = once(this.#child, 'message', { signal })
      const [{ value, error }] = (await Promise.race([answered, ended, late])) as [Answer]
      if (error !== undefined) throw new Error(error)
      return value
    } finally {
      over.abort()
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { exitCode, signalCode } = this.#child
    if (exitCode !== null || signalCode !== null) return
    const ended = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await ended
  }
}

/** Makes this process such a child; it ends with the one that started it. */
export function answerOrders<Order>(carryOut: (order: Order) => unknown): void {
  process.on('message', async (order: Order) => {
    try {
      process.send?.({ value: await carryOut(order) } satisfies Answer)
    } catch (error) {
      process.send?.({ error: String(error instanceof Error ? error.stack : error) } satisfies Answer)
    }
  })
  process.on('disconnect', () => process.exit())
}
