import { expect, test } from 'vitest'
import { partitionOf } from './partition.ts'

// What Apache Kafka's own test of its murmur2 expects, without the sign bit.
test.each([
  ['21', -973932308],
  ['foobar', -790332482],
  ['a-little-bit-long-string', -985981536],
  ['a-little-bit-longer-string', -1486304829],
  ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
  ['abc', 479470107],
])('%s hashes as in other Kafka clients', (key, hash) => {
  expect(partitionOf(key, 2 ** 31)).toBe(hash & 0x7fffffff)
})

test('keys spread over all partitions', () => {
  const used = new Set(Array.from({ length: 500 }, (_, i) => partitionOf(`room-${i}`, 12)))
  expect([...used].sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11])
})
