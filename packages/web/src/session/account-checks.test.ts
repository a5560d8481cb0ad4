import { expect, test } from 'vitest'
import { isPassword, isUsername } from './account-checks.ts'

test('usernames are 3 to 32 of a-z 0-9 _', () => {
  expect(['ada', 'Ada_1', 'a'.repeat(32)].every(isUsername)).toBe(true)
  expect(['ad', 'a'.repeat(33), 'a da', 'adä', ''].some(isUsername)).toBe(false)
})

test('passwords are 8 to 1024 bytes, however many characters that are', () => {
  expect(['12345678', '비밀번', 'x'.repeat(1024)].every(isPassword)).toBe(true)
  expect(['1234567', '비밀', 'x'.repeat(1025)].some(isPassword)).toBe(false)
})
