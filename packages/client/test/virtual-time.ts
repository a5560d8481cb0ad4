import type { Platform } from '../src/platform/platform.ts'

interface Timer {
  readonly atMs: number
  readonly act: () => void
}

/** Of what is at hand here; a client that is well takes some hundreds a minute. */
const MOST_ACTS_A_PASS = 50_000

/** A clock that stands until it is told to go on, and whoever waits for it. */
export class VirtualTime {
  monotonicMs = 0
  /** What the wall clock is ahead of the monotonic one; it may jump. */
  wallAheadMs = Date.parse('2026-01-02T03:04:05.678Z')
  readonly #timers = new Map<number, Timer>()
  #made = 0

  get parts(): Pick<Platform, 'wallMs' | 'monotonicMs' | 'setTimeout' | 'clearTimeout'> {
    return {
      wallMs: () => this.monotonicMs + this.wallAheadMs,
      monotonicMs: () => this.monotonicMs,
      setTimeout: (act, ms) => this.after(ms, act),
      clearTimeout: (timer: unknown) => void this.#timers.delete(timer as number),
    }
  }

  after(ms: number, act: () => void): number {
    this.#made += 1
    this.#timers.set(this.#made, { atMs: this.monotonicMs + Math.max(0, ms), act })
    return this.#made
  }

  /** How long until the next timer; undefined when there is none. */
  get nextInMs(): number | undefined {
    const [, timer] = this.#next() ?? []
    return timer === undefined ? undefined : Math.max(0, timer.atMs - this.monotonicMs)
  }

  /** Lets so much time pass: everything that is due comes in its order, with what follows from it. */
  async pass(ms: number): Promise<void> {
    const untilMs = this.monotonicMs + ms
    let acts = 0
    await settle()
    for (;;) {
      const next = this.#next()
      if (next === undefined || next[1].atMs > untilMs) break
      acts += 1
      // Else a run would go on for ever, and nobody would know which.
      if (acts > MOST_ACTS_A_PASS)
        throw new Error(`${acts} timers in ${ms} ms: somebody asks without a pause`)
      const [id, { atMs, act }] = next
      this.#timers.delete(id)
      this.monotonicMs = Math.max(this.monotonicMs, atMs)
      act()
      await settle()
    }
    this.monotonicMs = untilMs
  }

  /** The machine sleeps: time passes, and what was due in it comes late, all at once. */
  sleep(ms: number): void {
    this.monotonicMs += ms
  }

  #next(): [number, Timer] | undefined {
    let first: [number, Timer] | undefined
    for (const entry of this.#timers) if (first === undefined || entry[1].atMs < first[1].atMs) first = entry
    return first
  }
}

/** Until no promise has anything left to do. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
