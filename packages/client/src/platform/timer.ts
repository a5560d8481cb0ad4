import type { Platform } from './platform.ts'

/** One thing that is to happen later; what is set anew happens instead of what was set before. */
export class Timer {
  readonly #platform: Platform
  #id: unknown

  constructor(platform: Platform) {
    this.#platform = platform
  }

  set(ms: number, act: () => void): void {
    this.clear()
    this.#id = this.#platform.setTimeout(act, ms)
  }

  clear(): void {
    this.#platform.clearTimeout(this.#id as never)
  }
}
