import { ApiError } from '@roomlog/service-kit'

const RETRY_AFTER_S = 3

export interface SlotCounts {
  readonly running: number
  readonly waiting: number
}

/** Runs work, at most so much at once, the rest in order; what comes beyond a bounded queue is refused at once (503). */
export class Slots {
  readonly #maxWaiting: number
  readonly #waiting: (() => void)[] = []
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

  async run<T>(work: () => Promise<T>): Promise<T> {
    await this.#take()
    try {
      return await work()
    } finally {
      this.#give()
    }
  }

  #take(): Promise<void> | undefined {
    if (this.#free > 0) {
      this.#free -= 1
      return undefined
    }
    if (this.#waiting.length >= this.#maxWaiting) {
      throw new ApiError('unavailable', 'too many logins at once', { retryAfterS: RETRY_AFTER_S })
    }
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#waiting.push(resolve)
    return promise
  }

  #give(): void {
    const next = this.#waiting.shift()
    if (next === undefined) this.#free += 1
    else next()
  }
}
