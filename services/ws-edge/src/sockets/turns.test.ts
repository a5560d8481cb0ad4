import { setImmediate as nextTurn } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { Turns } from './turns.ts'

const PER_TURN = 32

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] })
})
afterEach(() => {
  vi.useRealTimers()
})

/** Takes a turn for each of so many, and tells of those that were let in or sent away. */
function crowd(turns: Turns, size: number) {
  const [inside, away]: [number[], number[]] = [[], []]
  for (let i = 0; i < size; i += 1) void turns.take().then((isIn) => (isIn ? inside : away).push(i))
  return { in: inside, away }
}

test('what comes at once goes on in its order, no more than so many in one turn of the event loop', async () => {
  const all = crowd(new Turns(), 100)
  await Promise.resolve()
  const perTurn = [all.in.length]
  while (all.in.length < 100) {
    const before = all.in.length
    await nextTurn()
    perTurn.push(all.in.length - before)
  }
  expect(perTurn).toEqual([PER_TURN, PER_TURN, PER_TURN, 100 - 3 * PER_TURN])
  expect(all.in).toEqual(Array.from({ length: 100 }, (_, i) => i))
})

test('who comes alone does not wait for a turn, also after a crowd', async () => {
  const turns = new Turns()
  const all = crowd(turns, 80)
  while (all.in.length < 80) await nextTurn()
  await nextTurn()
  const alone = crowd(turns, 1)
  await Promise.resolve()
  expect(alone.in).toEqual([0])
})

test('who comes behind a crowd does not overtake it', async () => {
  const turns = new Turns()
  const all = crowd(turns, 3 * PER_TURN)
  await nextTurn()
  const late = crowd(turns, 1)
  await Promise.resolve()
  expect(late.in).toEqual([])
  while (late.in.length === 0) await nextTurn()
  expect(all.in).toHaveLength(3 * PER_TURN)
})

test('who has waited for 5 s is sent away, and takes nobody’s turn', async () => {
  const turns = new Turns()
  const early = crowd(turns, 2 * PER_TURN)
  vi.advanceTimersByTime(5001)
  const later = crowd(turns, 10)
  await nextTurn()
  expect([early.in.length, early.away.length, later.in.length]).toEqual([PER_TURN, PER_TURN, 10])
})
