import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { RoomChanges } from './room-changes.ts'

let told: string[]
let changes: RoomChanges

beforeEach(() => {
  vi.useFakeTimers()
  told = []
  changes = new RoomChanges((roomId) => told.push(roomId))
})
afterEach(() => {
  changes.stop()
  vi.useRealTimers()
})

test('a change is told at once, of each room', () => {
  for (const room of ['a', 'b']) changes.changed(room)
  expect(told).toEqual(['a', 'b'])
})

test('of a room that changes without end the last change is told, and one in two seconds', () => {
  for (let ms = 0; ms < 10_000; ms += 10) {
    changes.changed('a')
    vi.advanceTimersByTime(10)
  }
  // At 0, 2, 4, 6, 8 and 10 s.
  expect(told).toHaveLength(6)
  changes.changed('a')
  expect(told).toHaveLength(6)
  vi.advanceTimersByTime(2000)
  expect(told).toHaveLength(7)
  vi.advanceTimersByTime(60_000)
  expect(told).toHaveLength(7)
  expect(vi.getTimerCount()).toBe(0)
})

test('nothing is told once it has stopped', () => {
  changes.changed('a')
  changes.changed('a')
  changes.stop()
  vi.advanceTimersByTime(60_000)
  expect(told).toEqual(['a'])
})
