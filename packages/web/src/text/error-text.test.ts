import { RoomlogError } from '@roomlog/client'
import { ERROR_STATUS, SEND_FAILURES } from '@roomlog/protocol/wire'
import { expect, test } from 'vitest'
import { en } from './en.ts'
import { errorText } from './error-text.ts'
import { ko } from './ko.ts'

test('what may be refused is said in words of its own, all else in general ones', () => {
  expect(errorText(en, new RoomlogError('username_taken', ''))).toBe('This username is taken.')
  expect(errorText(en, new TypeError('x is not a function'))).toBe(en.errors.internal)
  expect(errorText(en, new RoomlogError('of_a_later_build' as never, ''))).toBe(en.errors.internal)
})

test('a code that means something else here is said so', () => {
  const special = { invalid_credentials: 'here' }
  expect(errorText(en, new RoomlogError('invalid_credentials', ''), special)).toBe('here')
  expect(errorText(en, new RoomlogError('network', ''), special)).toBe(en.errors.network)
})

test.each(['/password', '/newPassword'])(
  'why a password at %s is not taken is said in both languages',
  (path) => {
    const details = [{ path, message: 'must not be one of the commonest passwords' }]
    const error = new RoomlogError('validation_failed', '', { status: 400, details })
    expect([errorText(en, error), errorText(ko, error)]).toEqual([en.commonPassword, ko.commonPassword])
  },
)

test.each([[undefined], [null], [[null]], [[{ path: '/displayName' }]], ['/password']])(
  'what else is not taken, as %j, is said in general words',
  (details) => {
    const error = new RoomlogError('validation_failed', '', { status: 400, details })
    expect(errorText(en, error)).toBe(en.errors.validation_failed)
  },
)

test('who asks too often is told how long to wait', () => {
  const error = new RoomlogError('rate_limited', '', { status: 429, retryAfterMs: 1500 })
  expect(errorText(en, error)).toBe('Too often. Try again in 2 seconds.')
})

test('every code is one that the api, an edge or the client has', () => {
  const codes = [...Object.keys(ERROR_STATUS), ...Object.keys(SEND_FAILURES), 'network', 'signed_out']
  expect(Object.keys(en.errors).filter((code) => !codes.includes(code))).toEqual([])
  expect(Object.keys(SEND_FAILURES).filter((code) => !(code in en.errors))).toEqual([])
})
