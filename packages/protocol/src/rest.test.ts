import { describe, expect, test } from 'vitest'
import { newId } from './ids.ts'
import {
  createRoomBodySchema,
  historyQuerySchema,
  memberOrMeParamsSchema,
  pageLimitSchema,
  publicRoomsCursor,
  publicRoomsQuerySchema,
  registerBodySchema,
  updateRoomBodySchema,
} from './index.ts'

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
  // Its place in the public list is longer than a cursor may be.
  expect(createRoomBodySchema.safeParse({ name: '😀'.repeat(51) }).success).toBe(false)
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

test('a change of a room names what changes', () => {
  expect(updateRoomBodySchema.parse({ name: ' x ' })).toEqual({ name: 'x' })
  expect(updateRoomBodySchema.parse({ visibility: 'private' })).toEqual({ visibility: 'private' })
  for (const body of [{}, { name: undefined }, { name: 'x', id: 'y' }]) {
    expect(updateRoomBodySchema.safeParse(body).success).toBe(false)
  }
})

test('a member is named by id, or as me', () => {
  const roomId = newId()
  for (const userId of [newId(), 'me']) {
    expect(memberOrMeParamsSchema.parse({ roomId, userId })).toEqual({ roomId, userId })
  }
  for (const userId of ['ME', '', 'you']) {
    expect(memberOrMeParamsSchema.safeParse({ roomId, userId }).success).toBe(false)
  }
})

describe('the cursor of the public list', () => {
  test.each([['x'], ['Äpfel & Öl'], ['🫶🏽'.repeat(25)], ['日'.repeat(100)], ['%_\\']])(
    'carries the name %s',
    (name) => {
      const position = { id: newId(), name }
      const cursor = publicRoomsCursor(position)
      expect(cursor).toMatch(/^[A-Za-z0-9_-]+$/)
      expect(publicRoomsQuerySchema.parse({ cursor })).toEqual({ search: '', limit: 50, cursor: position })
    },
  )

  test.each([[''], ['x'], [newId()], ['%%%'], ['A'.repeat(501)]])('is not %j', (cursor) => {
    expect(publicRoomsQuerySchema.safeParse({ cursor }).success).toBe(false)
  })
})
