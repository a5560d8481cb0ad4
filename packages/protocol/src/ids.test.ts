import { expect, test } from 'vitest'
import { idSchema, lowestId, newId, pooledRandom } from './ids.ts'

test('new ids are ULIDs and rise, also within one millisecond', () => {
  const ids = Array.from({ length: 20_000 }, () => newId())
  expect(idSchema.safeParse(ids[0]).success).toBe(true)
  expect(ids.toSorted()).toEqual(ids)
  expect(new Set(ids).size).toBe(ids.length)
})

test('the lowest id of a time is above all of before and below all of then', () => {
  const nowMs = Date.now() + 1
  const id = newId(nowMs)
  expect(idSchema.safeParse(lowestId(nowMs)).success).toBe(true)
  expect([lowestId(nowMs + 1), id, lowestId(nowMs)].toSorted()).toEqual([
    lowestId(nowMs),
    id,
    lowestId(nowMs + 1),
  ])
})

test('the pooled random source stays in [0, 1) over many pools', () => {
  const random = pooledRandom()
  const values = Array.from({ length: 50_000 }, random)
  expect(values.every((v) => v >= 0 && v < 1)).toBe(true)
  expect(new Set(values).size).toBe(256)
})
