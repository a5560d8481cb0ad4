import type { ApiError } from '@roomlog/service-kit'

export interface SlotCounts {
  readonly running: number
  readonly waiting: number
}

interface Waiting {
  readonly goOn: () => void
  readonly signal: AbortSignal | undefined
}

/** Runs work, at most so much at once, the rest in order; what comes beyond a bounded queue is refused at once. */
export class Slots {
  readonly #maxWaiting: number
  #waiting: Waiting[] = []
  readonly #size: number
  #free: number

  constructor(running: number, maxWaiting: number) {
    this.#size = running
    this.#free = running
    this.#maxWaiting = maxWaiting
  }

  get counts(): SlotCounts {
    return { running: this.#size - this.#free, waiting: this.#waiting.length }
  }

  get isIdle(): boolean {
    return this.#free === this.#size
  }

  /**
   * Throws the `refusal` when the queue is full. With a signal that aborts while it waits, `work` never begins, and the
   * promise never settles.
   */
  async run<T>(work: () => Promise<T>, refusal: () => ApiError, signal?: AbortSignal): Promise<T> {
    await this.#take(refusal, signal)
    try {
      return await work()
    } finally {
      this.#give()
    }
  }

  #take(refusal: () => ApiError, signal: AbortSignal | undefined): Promise<void> | undefined {
    if (this.#free > 0) {
      this.#free -= 1
      return undefined
    }
    // Who is gone takes nobody's place.
    if (this.#waiting.length >= this.#maxWaiting) this.#waiting = this.#waiting.filter(isThere)
    if (this.#waiting.length >= this.#maxWaiting) throw refusal()
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#waiting.push({ goOn: resolve, signal })
    return promise
  }

  #give(): void {
    const next = this.#waiting.findIndex(isThere)
    const [found] = this.#waiting.splice(0, next < 0 ? this.#waiting.length : next + 1).slice(-1)
    if (found === undefined || next < 0) this.#free += 1
    else found.goOn()
  }
}

function isThere({ signal }: Waiting): boolean {
  return signal?.aborted !== true
}
