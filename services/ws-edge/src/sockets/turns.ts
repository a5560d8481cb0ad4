/** About 25 ms of work. */
const PER_TURN = 32
/** Who waited longer is sent away, while it still listens: clients give up after 10 s, and what is done for them then is in vain. */
const MAX_WAIT_MS = 5_000

interface Waiting {
  readonly sinceMs: number
  readonly goOn: (isIn: boolean) => void
}

/**
 * Handshakes that come at once are let in some in each turn of the event loop, in the order in which they came: when
 * thousands come back, what others are sent does not wait for all of them.
 */
export class Turns {
  #waiting: Waiting[] = []
  #taken = 0
  #isTurning = false

  /** Resolves when it may go on, within this turn while few come; or with false, when it waited too long. */
  take(): Promise<boolean> {
    if (!this.#isTurning) {
      this.#isTurning = true
      setImmediate(() => this.#turn())
    }
    if (this.#taken < PER_TURN) {
      this.#taken += 1
      return Promise.resolve(true)
    }
    return new Promise((goOn) => this.#waiting.push({ sinceMs: performance.now(), goOn }))
  }

  #turn(): void {
    const oldestMs = performance.now() - MAX_WAIT_MS
    const late = this.#waiting.findIndex(({ sinceMs }) => sinceMs >= oldestMs)
    for (const { goOn } of this.#waiting.splice(0, late < 0 ? this.#waiting.length : late)) goOn(false)
    const next = this.#waiting.splice(0, PER_TURN)
    this.#taken = next.length
    this.#isTurning = next.length > 0
    if (this.#isTurning) setImmediate(() => this.#turn())
    for (const { goOn } of next) goOn(true)
  }
}
