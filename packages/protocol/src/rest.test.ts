import { describe, expect, test } from 'vitest'
import { createRoomBodySchema, historyQuerySchema, pageLimitSchema, registerBodySchema } from './rest.ts'

const account = { username: 'ada', password: 'correct horse' }

test.each([
  ['Ada_1', 'ada_1'],
  ['abc', 'abc'],
])('username %s becomes %s', (username, folded) => {
  expect(registerBodySchema.parse({ ...account, username }).username).toBe(folded)
})

test.each([['ab'], ['a'.repeat(33)], [' ada'], ['ada '], ['a-b-c'], ['ädä'], ['ada\0'], ['\u212Aate'], [7]])(
  'username %j is refused',
  (username) => {
    expect(registerBodySchema.safeParse({ ...account, username }).success).toBe(false)
  },
)

describe('a password', () => {
  test.each([
    ['1234567', false],
    ['12345678', true],
    ['ééép', false],
    ['éééé', true],
    ['  padded  ', true],
    ['a'.repeat(1024), true],
    ['a'.repeat(1025), false],
    ['é'.repeat(513), false],
    ['passw\0ord', false],
  ])('%j: %s', (password, good) => {
    const parsed = registerBodySchema.safeParse({ ...account, password })
    expect(parsed.success).toBe(good)
    if (parsed.success) expect(parsed.data.password).toBe(password)
  })
})

test('names are trimmed before their length counts', () => {
  expect(createRoomBodySchema.parse({ name: `  ${'x'.repeat(100)} ` }).name).toHaveLength(100)
  expect(createRoomBodySchema.safeParse({ name: '   ' }).success).toBe(false)
  expect(createRoomBodySchema.safeParse({ name: 'x'.repeat(101) }).success).toBe(false)
})

test('unknown fields are refused', () => {
  expect(registerBodySchema.safeParse({ ...account, admin: true }).success).toBe(false)
})

test.each([
  ['1', 1],
  ['100', 100],
  ['050', 50],
  [undefined, 50],
])('limit %s is %d', (text, limit) => {
  expect(pageLimitSchema.parse(text)).toBe(limit)
})

test.each([['0'], ['-1'], ['101'], ['1e2'], [''], ['1.0'], [' 5'], ['1000'], [['1', '2']]])(
  'limit %j is refused',
  (limit) => {
    expect(pageLimitSchema.safeParse(limit).success).toBe(false)
  },
)

test('before and after exclude each other', () => {
  expect(historyQuerySchema.safeParse({ before: '1', after: '2' }).success).toBe(false)
})
