/** For each refusal that waits, itself included. */
const WAIT_MS_EACH = 20
const MAX_WAIT_MS = 2_000
const MAX_WAITING = 1_000

interface Held {
  readonly timer: NodeJS.Timeout
  readonly answer: () => void
}

/**
 * Who is told to come later often comes again at once. The more refusals there are, the longer each waits before it is
 * told, about 50 a second for as many as 100 connections that never pause: refusing costs others little (a tarpit; of
 * those who do pause nobody notices 20 ms). More than a bounded number are told at once.
 */
export class HeldRefusals {
  readonly #held = new Set<Held>()
  #isStopped = false

  hold(answer: () => void): void {
    if (this.#isStopped || this.#held.size >= MAX_WAITING) {
      answer()
      return
    }
    const waitMs = Math.min(MAX_WAIT_MS, WAIT_MS_EACH * (this.#held.size + 1))
    const timer = setTimeout(() => {
      this.#held.delete(held)
      answer()
    }, waitMs)
    const held: Held = { timer, answer }
    this.#held.add(held)
  }

  /** All that wait are told, and those that come are told at once. */
  stop(): void {
    this.#isStopped = true
    for (const { timer, answer } of this.#held) {
      clearTimeout(timer)
      answer()
    }
    this.#held.clear()
  }
}
