import { setImmediate as nextTurn } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { atTurnEnd } from './turn-end.ts'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] })
})
afterEach(() => {
  vi.useRealTimers()
})

/** So many wait, each of whom takes `ms`; tells of those who were called. */
function crowd(size: number, ms: number): readonly number[] {
  const called: number[] = []
  for (let i = 0; i < size; i += 1) {
    const endTurn = () => {
      called.push(i)
      vi.advanceTimersByTime(ms)
    }
    atTurnEnd({ endTurn })
  }
  return called
}

test('who waits is called when the turn is over, in order', async () => {
  const called = crowd(1000, 0)
  await Promise.resolve()
  expect(called).toEqual([])
  await nextTurn()
  expect(called).toEqual(Array.from({ length: 1000 }, (_, i) => i))
})

test('those for whom a turn is too short are called in the next ones, before who comes later', async () => {
  const called = crowd(100, 1)
  await nextTurn()
  expect(called).toHaveLength(32)
  const later = crowd(1, 0)
  while (later.length === 0) await nextTurn()
  expect(called).toEqual(Array.from({ length: 100 }, (_, i) => i))
})

test('who waits again meanwhile is called again', async () => {
  let times = 0
  const again = {
    endTurn: () => {
      times += 1
      if (times < 3) atTurnEnd(again)
    },
  }
  atTurnEnd(again)
  while (times < 3) await nextTurn()
  await nextTurn()
  expect(times).toBe(3)
})
