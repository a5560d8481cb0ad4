import type { Platform } from '../platform/platform.ts'
import { Timer } from '../platform/timer.ts'

/** Frames go out in their order, at most half of what an edge takes at once and half of it in each second. */
export class Pacer {
  readonly #platform: Platform
  readonly #perSecond: number
  readonly #write: (text: string) => void
  readonly #queue: string[] = []
  #tokens: number
  #atMs: number
  readonly #timer: Timer

  constructor(platform: Platform, framesPerSecond: number, write: (text: string) => void) {
    this.#platform = platform
    this.#timer = new Timer(platform)
    this.#perSecond = Math.max(1, Math.floor(framesPerSecond / 2))
    this.#tokens = this.#perSecond
    this.#atMs = platform.monotonicMs()
    this.#write = write
  }

  send(text: string): void {
    this.#queue.push(text)
    if (this.#queue.length === 1) this.#flush()
  }

  stop(): void {
    this.#queue.length = 0
    this.#timer.clear()
  }

  #flush(): void {
    const nowMs = this.#platform.monotonicMs()
    this.#tokens = Math.min(this.#perSecond, this.#tokens + ((nowMs - this.#atMs) * this.#perSecond) / 1000)
    this.#atMs = nowMs
    const count = Math.min(this.#queue.length, Math.floor(this.#tokens))
    this.#tokens -= count
    for (const text of this.#queue.splice(0, count)) this.#write(text)
    if (this.#queue.length === 0) return
    this.#timer.set(Math.ceil(((1 - this.#tokens) * 1000) / this.#perSecond), () => this.#flush())
  }
}
