import { expect, test } from 'vitest'
import { percentiles } from './percentiles.ts'

test('percentiles are measured values, by nearest rank', () => {
  const hundred = Array.from({ length: 100 }, (_, i) => 100 - i)
  expect(percentiles(hundred)).toEqual({ n: 100, p50: 50, p99: 99, max: 100 })
  expect(percentiles([7])).toEqual({ n: 1, p50: 7, p99: 7, max: 7 })
  expect(percentiles([])).toEqual({ n: 0, p50: Number.NaN, p99: Number.NaN, max: Number.NaN })
})
