import { expect, test } from 'vitest'
import { KeptRows } from './kept-rows.ts'

const MAX_BYTES = 1_000_000

function rows(first: number, last: number, bytes = 10) {
  return Array.from({ length: last - first + 1 }, (_, i) => ({ seq: first + i, frame: Buffer.alloc(bytes) }))
}

function seqsAfter(kept: KeptRows, position: number): readonly number[] | undefined {
  return kept.after(position)?.map(({ seq }) => seq)
}

test('empty, it reaches down to nobody', () => {
  expect(new KeptRows().after(0)).toBeUndefined()
})

test('gives the rows above a position, none at its end, and nothing where some are missing', () => {
  const kept = new KeptRows()
  kept.add(rows(5, 6), MAX_BYTES)
  kept.add(rows(7, 8), MAX_BYTES)
  expect(seqsAfter(kept, 3)).toBeUndefined()
  expect(seqsAfter(kept, 4)).toEqual([5, 6, 7, 8])
  expect(seqsAfter(kept, 6)).toEqual([7, 8])
  expect(seqsAfter(kept, 8)).toEqual([])
})

test('keeps the newest 256', () => {
  const kept = new KeptRows()
  kept.add(rows(1, 200), MAX_BYTES)
  kept.add(rows(201, 300), MAX_BYTES)
  expect(kept.after(43)).toBeUndefined()
  expect(kept.after(44)).toHaveLength(256)
})

test('keeps no more bytes than it may, however few rows that are', () => {
  const kept = new KeptRows()
  kept.add(rows(1, 10, 100), 350)
  expect(seqsAfter(kept, 6)).toBeUndefined()
  expect(seqsAfter(kept, 7)).toEqual([8, 9, 10])
  kept.add(rows(11, 11, 400), 350)
  expect(kept.after(10)).toBeUndefined()
  kept.add(rows(12, 12, 350), 350)
  expect(seqsAfter(kept, 11)).toEqual([12])
})

test('gives bytes back when it may keep fewer', () => {
  const kept = new KeptRows()
  kept.add(rows(1, 10, 100), MAX_BYTES)
  kept.trim(200)
  expect(seqsAfter(kept, 7)).toBeUndefined()
  expect(seqsAfter(kept, 8)).toEqual([9, 10])
  kept.trim(0)
  expect(kept.after(10)).toBeUndefined()
})

test('cleared, it starts at any row', () => {
  const kept = new KeptRows()
  kept.add(rows(1, 3, 100), 300)
  kept.clear()
  kept.add(rows(9, 11, 100), 300)
  expect(kept.after(3)).toBeUndefined()
  expect(seqsAfter(kept, 8)).toEqual([9, 10, 11])
})
