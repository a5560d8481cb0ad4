import type { Platform } from '../platform/platform.ts'
import { Timer } from '../platform/timer.ts'

/** How long the answer to a heartbeat may take: with the pause before it under the 45 s in which a loss is noticed. */
const ANSWER_MS = 20_000
/** The same when there is reason to doubt. */
const PROBE_ANSWER_MS = 5000
/** A timer that comes so late was held up: the machine slept, or the tab was frozen. */
const LATE_MS = 5000

export interface HeartbeatOptions {
  readonly platform: Platform
  readonly intervalMs: number
  readonly beat: () => void
  /** No answer came: there is nobody at the other end. */
  readonly onSilent: () => void
}

/**
 * Notices a connection that is dead without a word. What counts is an answer that does not come, never how late a timer
 * is: in a tab that nobody looks at timers run once a minute, and the connection is well.
 */
export class Heartbeat {
  readonly #options: HeartbeatOptions
  readonly #timer: Timer
  #isAwaiting = false
  #dueMs = 0

  constructor(options: HeartbeatOptions) {
    this.#options = options
    this.#timer = new Timer(options.platform)
    this.#wait(options.intervalMs)
  }

  /** A frame has come. */
  heard(): void {
    if (!this.#isAwaiting) return
    this.#isAwaiting = false
    this.#wait(this.#options.intervalMs)
  }

  /** Asks now, and with less patience. */
  probe(): void {
    this.#beat(PROBE_ANSWER_MS)
  }

  stop(): void {
    this.#timer.clear()
  }

  #beat(answerMs: number): void {
    this.#isAwaiting = true
    this.#options.beat()
    this.#wait(answerMs)
  }

  #wait(ms: number): void {
    this.#dueMs = this.#options.platform.monotonicMs() + ms
    this.#timer.set(ms, () => this.#tick())
  }

  #tick(): void {
    const isLate = this.#options.platform.monotonicMs() - this.#dueMs > LATE_MS
    if (!this.#isAwaiting) this.#beat(Math.min(this.#options.intervalMs, ANSWER_MS))
    // While everything stood still no answer could be heard: it may be the next thing to come.
    else if (isLate) this.probe()
    else this.#options.onSilent()
  }
}
