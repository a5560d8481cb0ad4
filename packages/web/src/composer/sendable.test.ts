import { expect, test } from 'vitest'
import { isSend, sendable } from './sendable.ts'

test('what is sent has no space around it, and nothing that cannot be stored', () => {
  expect(sendable('  a\n b \n')).toBe('a\n b')
  expect(sendable('a\0b \ud800')).toBe('ab \ufffd')
  expect(sendable(' \n\t')).toBe('')
})

test('Enter sends, with Shift it does not, and not while a character is composed', () => {
  const enter = { key: 'Enter', keyCode: 13, isComposing: false, shiftKey: false }
  const key = (changes: object) => isSend({ ...enter, altKey: false, ...changes })
  expect(key({})).toBe(true)
  expect([{ shiftKey: true }, { isComposing: true }, { keyCode: 229 }, { key: 'a' }].some(key)).toBe(false)
})
