import { expect, test } from 'vitest'
import { lineOnComing, lineOnLookingAgain, lineOnLookingAway } from './read-line.ts'

test('who comes to a room that is read sees no line', () => {
  expect(lineOnComing({ lastReadSeq: 5, unreadCount: 0 })).toBeUndefined()
  expect(lineOnComing({ lastReadSeq: 5, unreadCount: 2 })).toBe(5)
})

test('who looks away and comes back to something new sees it under a line', () => {
  const away = lineOnLookingAway(undefined, { lastReadSeq: 5, unreadCount: 0 })
  expect(lineOnLookingAgain(away, { lastReadSeq: 5, unreadCount: 3 })).toBe(5)
  expect(lineOnLookingAgain(away, { lastReadSeq: 5, unreadCount: 0 })).toBeUndefined()
})

test('what was not read before somebody looked away keeps its line', () => {
  expect(lineOnLookingAway(2, { lastReadSeq: 5, unreadCount: 1 })).toBe(2)
})
