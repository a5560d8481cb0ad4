import { type Random, random } from './random.ts'

export interface FaultKind {
  readonly fault: string
  /** One of them is hit at a time. */
  readonly targets: readonly string[]
  /** Shortest and longest. */
  readonly durationMs: readonly [number, number]
}

export interface ScheduleOptions {
  readonly faults: readonly FaultKind[]
  /** All faults are over by then. */
  readonly lengthMs: number
  /** Shortest and longest time from one fault's end to the next one's start; with `overlap` from start to start. */
  readonly gapMs: readonly [number, number]
  /** Different targets may be broken at the same time, one target never twice. */
  readonly overlap: boolean
}

export interface ScheduledFault {
  readonly fault: string
  readonly target: string
  /** After the schedule's start. */
  readonly startMs: number
  readonly durationMs: number
}

/** What is broken when: the same for the same seed, ordered by start. */
export function schedule(seed: number, options: ScheduleOptions): readonly ScheduledFault[] {
  const dice = random(seed)
  const planned: ScheduledFault[] = []
  for (let at = gap(dice, options); at < options.lengthMs; ) {
    const next = choose(dice, options.faults, at)
    const clash = planned.some(
      ({ target, startMs, durationMs }) => target === next.target && startMs + durationMs > at,
    )
    const fits = at + next.durationMs <= options.lengthMs
    if (fits && !clash) planned.push(next)
    at += gap(dice, options) + (options.overlap || !fits ? 0 : next.durationMs)
  }
  return planned
}

function choose(dice: Random, faults: readonly FaultKind[], startMs: number): ScheduledFault {
  const { fault, targets, durationMs } = dice.pick(faults)
  return { fault, target: dice.pick(targets), startMs, durationMs: dice.int(...durationMs) }
}

/** At least 1, so that a schedule ends. */
function gap(dice: Random, { gapMs }: ScheduleOptions): number {
  return Math.max(1, dice.int(...gapMs))
}
