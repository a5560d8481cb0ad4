import { expect, test } from 'vitest'
import { joined, wireFrame } from './wire-frame.ts'

test('joined frames are their bytes, in memory of their own; one alone is itself', () => {
  const frames = ['1', '22', '333'].map((text) => wireFrame(Buffer.from(text)))
  const all = joined(frames)
  expect(all).toEqual(Buffer.concat(frames))
  expect(all.buffer.byteLength).toBe(all.length)
  expect(joined(frames.slice(0, 1))).toBe(frames[0])
})
