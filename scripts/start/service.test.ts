import { expect, test } from 'vitest'
import { restartDelayMs } from './service.ts'

const SHORT_LIFE_MS = 100

test('a service that ends is started again after half a second', () => {
  expect(restartDelayMs(0, SHORT_LIFE_MS)).toBe(500)
})

test('short lives double the wait, up to 10 s', () => {
  const delays = [0]
  for (let i = 0; i < 7; i += 1) delays.push(restartDelayMs(delays.at(-1) ?? 0, SHORT_LIFE_MS))
  expect(delays).toEqual([0, 500, 1_000, 2_000, 4_000, 8_000, 10_000, 10_000])
})

test('a life of half a minute begins anew', () => {
  expect(restartDelayMs(10_000, 29_999)).toBe(10_000)
  expect(restartDelayMs(10_000, 30_000)).toBe(500)
})
