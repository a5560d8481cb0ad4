import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { SlidingCount, TokenBucket, TokenBuckets } from './limits.ts'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] })
})
afterEach(() => {
  vi.useRealTimers()
})

test('a bucket gives its burst at once, then its rate, and says how long to wait', () => {
  const bucket = new TokenBucket(10, 3)
  expect([bucket.take(), bucket.take(), bucket.take()]).toEqual([0, 0, 0])
  expect(bucket.take()).toBe(100)
  vi.advanceTimersByTime(50)
  expect(bucket.take()).toBe(50)
  vi.advanceTimersByTime(50)
  expect(bucket.take()).toBe(0)
  vi.advanceTimersByTime(60_000)
  expect(Array.from({ length: 4 }, () => bucket.take())).toEqual([0, 0, 0, 100])
})

test('each key has a bucket of its own', () => {
  const buckets = new TokenBuckets(1, 1)
  expect([buckets.take('a'), buckets.take('b')]).toEqual([0, 0])
  expect(buckets.take('a')).toBe(1000)
})

test('buckets that are full again are forgotten, those in use are not', () => {
  const buckets = new TokenBuckets(1, 100)
  for (let i = 0; i < 1000; i += 1) buckets.take(`key ${i}`)
  for (let i = 0; i < 100; i += 1) buckets.take('busy')
  expect(buckets.size).toBe(1001)
  vi.advanceTimersByTime(10_000)
  buckets.take('another')
  expect(buckets.size).toBe(2)
  expect(Array.from({ length: 11 }, () => buckets.take('busy')).filter((waitMs) => waitMs > 0)).toHaveLength(
    1,
  )
})

test('a count reaches its limit within the window only', () => {
  const count = new SlidingCount(3, 1000)
  expect([count.add(0), count.add(500), count.add(1100)]).toEqual([false, false, false])
  expect(count.add(1200)).toBe(true)
})
