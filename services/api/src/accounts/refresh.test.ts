import { describe, expect, test } from 'vitest'
import { judge } from './refresh.ts'

describe('a refresh token', () => {
  test.each([
    ['of the newest generation', 3, true, 'next generation'],
    ['of the newest generation, made long ago', 3, false, 'next generation'],
    ['of the one before, just replaced', 2, true, 'newest again'],
    ['of the one before, replaced long ago', 2, false, 'reused'],
    ['of an older one', 1, true, 'reused'],
    ['of an older one, long ago', 1, false, 'reused'],
    ['of a generation that a restore lost', 4, true, 'reused'],
  ] as const)('%s', (_, used, isInGrace, verdict) => {
    expect(judge(used, 3, isInGrace)).toBe(verdict)
  })
})
