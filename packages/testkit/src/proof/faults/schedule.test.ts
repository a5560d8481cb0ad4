import { describe, expect, test } from 'vitest'
import { random } from './random.ts'
import { type ScheduledFault, type ScheduleOptions, schedule } from './schedule.ts'

const OPTIONS: ScheduleOptions = {
  faults: [
    { fault: 'kill', targets: ['edge-1', 'edge-2'], durationMs: [0, 0] },
    { fault: 'freeze', targets: ['edge-1', 'postgres'], durationMs: [500, 3000] },
    { fault: 'cut', targets: ['kafka'], durationMs: [1000, 20_000] },
  ],
  lengthMs: 180_000,
  gapMs: [100, 5000],
  overlap: false,
}
const SEEDS = Array.from({ length: 50 }, (_, seed) => seed)
const endOf = ({ startMs, durationMs }: ScheduledFault) => startMs + durationMs

/** Each with the one after it. */
const neighbours = (plan: readonly ScheduledFault[]) =>
  plan.slice(1).map((later, at) => [plan[at] as ScheduledFault, later] as const)

describe('schedule', () => {
  test('is the same for the same seed and another for another', () => {
    expect(schedule(7, OPTIONS)).toEqual(schedule(7, OPTIONS))
    const different = new Set(SEEDS.map((seed) => JSON.stringify(schedule(seed, OPTIONS))))
    expect(different.size).toBe(SEEDS.length)
  })

  test('stays the same from one version to the next, so that a seed found to fail still does', () => {
    expect(schedule(7, { ...OPTIONS, lengthMs: 20_000 })).toMatchInlineSnapshot(`
      [
        {
          "durationMs": 0,
          "fault": "kill",
          "startMs": 157,
          "target": "edge-2",
        },
        {
          "durationMs": 1100,
          "fault": "freeze",
          "startMs": 2812,
          "target": "edge-1",
        },
        {
          "durationMs": 3963,
          "fault": "cut",
          "startMs": 6723,
          "target": "kafka",
        },
        {
          "durationMs": 1420,
          "fault": "freeze",
          "startMs": 14530,
          "target": "edge-1",
        },
        {
          "durationMs": 0,
          "fault": "kill",
          "startMs": 19657,
          "target": "edge-2",
        },
      ]
    `)
  })

  test.for([false, true])('keeps to what it was given (overlap: %s)', (overlap) => {
    for (const seed of SEEDS) {
      const plan = schedule(seed, { ...OPTIONS, overlap })
      expect(plan.length).toBeGreaterThan(0)
      for (const it of plan) {
        const kind = OPTIONS.faults.find(({ fault }) => fault === it.fault)
        expect(kind?.targets).toContain(it.target)
        expect(it.durationMs).toBeGreaterThanOrEqual(kind?.durationMs[0] ?? Number.NaN)
        expect(it.durationMs).toBeLessThanOrEqual(kind?.durationMs[1] ?? Number.NaN)
        expect(it.startMs).toBeGreaterThanOrEqual(OPTIONS.gapMs[0])
        expect(endOf(it)).toBeLessThanOrEqual(OPTIONS.lengthMs)
      }
    }
  })

  test('leaves the shortest gap between an end and the next start', () => {
    for (const seed of SEEDS)
      for (const [earlier, later] of neighbours(schedule(seed, OPTIONS)))
        expect(later.startMs - endOf(earlier)).toBeGreaterThanOrEqual(OPTIONS.gapMs[0])
  })

  test('with overlap breaks several targets at the same time, but none twice', () => {
    const plans = SEEDS.map((seed) => schedule(seed, { ...OPTIONS, overlap: true }))
    const overlapping = plans.filter((plan) =>
      neighbours(plan).some(([one, other]) => other.startMs < endOf(one)),
    )
    expect(overlapping.length).toBeGreaterThan(0)
    for (const plan of plans)
      for (const target of new Set(plan.map((it) => it.target)))
        for (const [one, other] of neighbours(plan.filter((it) => it.target === target)))
          expect(other.startMs).toBeGreaterThanOrEqual(endOf(one))
  })

  test('ends although there is no gap and nothing lasts', () => {
    const plan = schedule(1, { ...OPTIONS, lengthMs: 50, gapMs: [0, 0] })
    expect(plan.every((it) => endOf(it) <= 50)).toBe(true)
  })
})

describe('random', () => {
  test('gives every number of the range and no other, and every item of the list', () => {
    const dice = random(1)
    const numbers = new Set(Array.from({ length: 1000 }, () => dice.int(-1, 3)))
    expect([...numbers].toSorted((a, b) => a - b)).toEqual([-1, 0, 1, 2, 3])
    const items = new Set(Array.from({ length: 1000 }, () => dice.pick(['a', 'b', 'c'])))
    expect([...items].toSorted()).toEqual(['a', 'b', 'c'])
    expect(() => dice.pick([])).toThrow(RangeError)
  })

  test('gives fractions that are spread evenly', () => {
    const dice = random(42)
    const tenths = Array<number>(10).fill(0)
    for (let n = 0; n < 10_000; n += 1) {
      const at = Math.floor(dice.next() * tenths.length)
      tenths[at] = (tenths[at] ?? 0) + 1
    }
    for (const count of tenths) expect(Math.abs(count - 1000)).toBeLessThan(150)
  })
})
