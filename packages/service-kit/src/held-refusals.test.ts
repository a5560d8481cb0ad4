import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { HeldRefusals } from './held-refusals.ts'

describe('refusals of what came too often', () => {
  beforeEach(() => {
    vi.useFakeTimers()
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  /** How many are told within a second when each of so many clients comes again as soon as it was told. */
  function toldInASecond(clients: number): number {
    const refusals = new HeldRefusals()
    let told = 0
    const come = () =>
      refusals.hold(() => {
        told += 1
        come()
      })
    for (let nth = 0; nth < clients; nth += 1) come()
    vi.advanceTimersByTime(1_000)
    return told
  }

  test.each([1, 10, 50, 100])('are told some 50 times a second to %i that come again at once', (clients) => {
    expect(toldInASecond(clients)).toBeGreaterThan(25)
    expect(toldInASecond(clients)).toBeLessThanOrEqual(clients === 1 ? 50 : 160)
  })

  test('are told within two seconds, however many wait', () => {
    const refusals = new HeldRefusals()
    let told = 0
    for (let nth = 0; nth < 900; nth += 1) refusals.hold(() => (told += 1))
    expect(told).toBe(0)
    vi.advanceTimersByTime(2_000)
    expect(told).toBe(900)
  })

  test('are told at once beyond a thousand that wait', () => {
    const refusals = new HeldRefusals()
    let told = 0
    for (let nth = 0; nth < 1_003; nth += 1) refusals.hold(() => (told += 1))
    expect(told).toBe(3)
  })

  test('are told once, and at once, when the service stops', () => {
    const refusals = new HeldRefusals()
    let told = 0
    for (let nth = 0; nth < 5; nth += 1) refusals.hold(() => (told += 1))
    refusals.stop()
    expect(told).toBe(5)
    refusals.hold(() => (told += 1))
    vi.advanceTimersByTime(5_000)
    expect(told).toBe(6)
  })
})
