import { expect, test } from 'vitest'
import { PausedPartitions } from './paused-partitions.ts'

const at = (offset: bigint) => ({ index: 0, offset, version: 2 })

test('a pause is new once, however often its record comes', () => {
  const paused = new PausedPartitions()
  expect([paused.note(1, at(5n)), paused.note(1, at(5n)), paused.note(2, at(5n))]).toEqual([
    true,
    false,
    true,
  ])
  expect(paused.count).toBe(2)
})

test('a pause ends when the record could be read, and a later one is new', () => {
  const paused = new PausedPartitions()
  paused.note(1, at(5n))
  expect(paused.note(1, undefined)).toBe(false)
  expect(paused.count).toBe(0)
  expect(paused.note(1, at(9n))).toBe(true)
})

test('a partition that is no longer delivered is not counted', () => {
  let nowMs = 0
  const paused = new PausedPartitions(() => nowMs)
  paused.note(1, at(5n))
  nowMs = 29_000
  expect(paused.count).toBe(1)
  nowMs = 31_000
  expect(paused.count).toBe(0)
})
