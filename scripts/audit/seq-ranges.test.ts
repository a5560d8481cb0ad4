import { expect, test } from 'vitest'
import { Places, SeqRanges } from './seq-ranges.ts'

function rangesOf(...seqs: readonly number[]): SeqRanges {
  const ranges = new SeqRanges()
  for (const seq of seqs) ranges.add(seq)
  return ranges
}

test('in whatever order and how often seqs come, the set has them and no others', () => {
  // A linear congruence visits every residue once, far from order.
  const shuffled = Array.from({ length: 97 }, (_, i) => (i * 31) % 97)
  const some = shuffled.filter((seq) => seq % 7 !== 3)
  const ranges = rangesOf(...some, ...some.toReversed())
  for (let seq = -1; seq <= 98; seq += 1) expect([seq, ranges.has(seq)]).toEqual([seq, some.includes(seq)])
  expect(ranges.size).toBe(some.length)
  expect(ranges.lowest).toBe(0)
  expect([...rangesOf(...shuffled).without(ranges)]).toEqual(
    shuffled.filter((seq) => seq % 7 === 3).toSorted((a, b) => a - b),
  )
})

test('an empty set has nothing', () => {
  expect([rangesOf().has(1), rangesOf().lowest, rangesOf().size]).toEqual([false, undefined, 0])
  expect([...rangesOf(2, 1).without(undefined)]).toEqual([1, 2])
})

test('places of one room are not those of another', () => {
  const [all, some] = [new Places(), new Places()]
  for (const [room, seq] of [
    ['a', 1],
    ['a', 2],
    ['b', 1],
  ] as const)
    all.add(room, seq)
  some.add('a', 1)
  expect([...all.without(some)]).toEqual([
    { roomId: 'a', seq: 2 },
    { roomId: 'b', seq: 1 },
  ])
  expect(some.has('b', 1)).toBe(false)
})
