import { setTimeout as sleep } from 'node:timers/promises'
import { monotonicMs, type Random, type Recording } from '@roomlog/testkit/proof'
import type { Measured } from './fault.ts'
import type { Crowd } from './load/crowd.ts'
import type { Stack } from './stack.ts'
import { until } from './until.ts'

export interface NemesisOptions {
  readonly fault: string
  readonly stack: Stack
  readonly crowd: Crowd
  readonly random: Random
  readonly recording: Recording
  /** Outages of at most 12 s and few repeats, as in CI. */
  readonly isShort: boolean
  /** How long a fault that has no length of its own goes on. */
  readonly lengthMs: number
  readonly say: (what: string) => void
}

/** A bound that was measured: as it is written down, and as it is told. */
export function judged(fault: string, { what, measured, limit }: Measured) {
  const ok = measured <= limit
  const rounded = Math.round(measured * 100) / 100
  return {
    entry: { type: 'bound', fault, what, measured: rounded, limit, ok } as const,
    text: `${ok ? 'within' : 'NOT WITHIN'} the bound: ${what} ${rounded} ≤ ${limit}`,
  }
}

/** What breaks things in a run, and writes down when. */
export class Nemesis {
  readonly fault: string
  readonly stack: Stack
  readonly crowd: Crowd
  readonly random: Random
  readonly isShort: boolean
  readonly lengthMs: number
  readonly until = until
  readonly #recording: Recording
  readonly #say: (what: string) => void
  #acts = 0

  constructor(options: NemesisOptions) {
    this.fault = options.fault
    this.stack = options.stack
    this.crowd = options.crowd
    this.random = options.random
    this.isShort = options.isShort
    this.lengthMs = options.lengthMs
    this.#recording = options.recording
    this.#say = options.say
  }

  /** Does `work` as one fault on `target`; its end is when what was broken is there again. Returns that time. */
  async act(target: string, what: string, work: () => void | Promise<void>): Promise<number> {
    this.#acts += 1
    const entry = { type: 'fault', fault: this.fault, act: `a${this.#acts}`, target } as const
    this.#say(`${what} ${target}`)
    this.#recording.write({ ...entry, phase: 'begin' })
    await work()
    this.#recording.write({ ...entry, phase: 'end' })
    return monotonicMs()
  }

  /** Something that the fault's row bounds. */
  bound(what: string, measured: number, limit: number): void {
    const { entry, text } = judged(this.fault, { what, measured, limit })
    this.#recording.write(entry)
    this.#say(text)
  }

  /** Something that must hold. */
  must(what: string, holds: boolean): void {
    this.bound(what, holds ? 0 : 1, 0)
  }

  sleep(ms: number): Promise<void> {
    return sleep(ms)
  }

  /** An outage of `ms`; shorter in CI. */
  outageMs(ms: number): number {
    return this.isShort ? Math.min(ms, 12_000) : ms
  }

  times(full: number, short: number): number {
    return this.isShort ? short : full
  }
}
