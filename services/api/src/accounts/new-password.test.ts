import { createRequire } from 'node:module'
import { expect, test } from 'vitest'
import { newPasswordSchema } from './new-password.ts'

const REFUSED = 3000
const LIST = '@zxcvbn-ts/language-common/src/passwords.json'
const longEnough = (createRequire(import.meta.url)(LIST) as readonly string[]).filter(
  (password) => Buffer.byteLength(password) >= 8,
)
const isTaken = (password: string) => newPasswordSchema.safeParse(password).success

test('the 3000 commonest passwords of 8 bytes or more are refused, and no others', () => {
  expect(longEnough.length).toBeGreaterThan(REFUSED)
  expect(longEnough.slice(0, REFUSED).filter(isTaken)).toEqual([])
  expect(longEnough.slice(REFUSED).filter((password) => !isTaken(password))).toEqual([])
})

test.each(['password', '12345678', 'iloveyou', 'trustno1', 'PassWord', 'QWERTYUIOP'])(
  '%s is refused',
  (it) => {
    expect(newPasswordSchema.safeParse(it).error?.issues).toMatchObject([
      { message: 'must not be one of the commonest passwords' },
    ])
  },
)

test.each(['correct horse battery', ' password', 'password ', 'passwörd', 'password!'])(
  '%j is taken',
  (it) => {
    expect(newPasswordSchema.parse(it)).toBe(it)
  },
)
