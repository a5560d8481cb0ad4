import { describe, expect, test } from 'vitest'
import { decodeClientFrame } from './decode-frame.ts'
import { clientFrameSchemas } from './frames.ts'
import { newId } from './ids.ts'
import { DEFAULT_LIMITS } from './limits.ts'

const schemas = clientFrameSchemas(DEFAULT_LIMITS)
const decode = (frame: unknown) => decodeClientFrame(schemas, JSON.stringify(frame))
const roomId = newId()
const send = { type: 'sendMessage', roomId, clientMsgId: 'abcdefgh', body: 'hello' }

describe('a frame that is none', () => {
  test.each([
    ['not JSON', '{'],
    ['empty', ''],
    ['an array', '[]'],
    ['null', 'null'],
    ['a string', '"joinRoom"'],
    ['without a type', '{}'],
    ['of an unknown type', '{"type":"fly"}'],
    ['of an inherited type', '{"type":"constructor"}'],
    ['of a prototype type', '{"type":"__proto__"}'],
  ])('%s', (_name, text) => {
    expect(decodeClientFrame(schemas, text)).toMatchObject({ kind: 'bad_frame' })
  })

  test('gives back its ref', () => {
    expect(decode({ type: 'fly', ref: 'r1' })).toMatchObject({ kind: 'bad_frame', ref: 'r1' })
    expect(decode({ type: 'fly', ref: 'r'.repeat(65) })).not.toHaveProperty('ref')
  })
})

describe('a good frame', () => {
  test('loses the fields it should not have', () => {
    expect(decode({ ...send, ref: 'r1', extra: 1 })).toEqual({ kind: 'frame', frame: { ...send, ref: 'r1' } })
  })

  test.each([
    ['one unit', 'a'],
    ['the longest', 'é'.repeat(4000)],
    ['surrogate pairs', '👩‍👩‍👧‍👦'],
    ['the most surrogate pairs', '😀'.repeat(2000)],
    ['right to left', 'שלום'],
  ])('keeps a body of %s as it is', (_name, body) => {
    expect(decode({ ...send, body })).toMatchObject({ kind: 'frame', frame: { body } })
  })
})

describe('a send that could not be stored', () => {
  test.each([
    ['an empty body', ''],
    ['NUL', 'a\0b'],
    ['a lone surrogate', '\ud800'],
    ['a body too long', 'a'.repeat(4001)],
    ['a body of more units than characters', '😀'.repeat(2001)],
    ['a body that is no string', 7],
  ])('%s is refused by name of its room and clientMsgId', (_name, body) => {
    expect(decode({ ...send, body })).toMatchObject({
      kind: 'invalid',
      type: 'sendMessage',
      roomId,
      clientMsgId: 'abcdefgh',
    })
  })

  test.each([['short'], ['a'.repeat(65)], ['with space'], [null]])(
    'clientMsgId %j is not well-formed',
    (clientMsgId) => {
      const decoded = decode({ ...send, clientMsgId })
      expect(decoded).toMatchObject({ kind: 'invalid', roomId })
      expect(decoded).not.toHaveProperty('clientMsgId')
    },
  )

  test.each([['x'], [roomId.toLowerCase()], [`8${roomId.slice(1)}`], [`${roomId}\n`]])(
    'roomId %j is no ULID',
    (bad) => {
      expect(decode({ ...send, roomId: bad })).not.toHaveProperty('roomId')
    },
  )
})

test.each([[-1], [1.5], ['1'], [2 ** 53]])('afterSeq %j is refused', (afterSeq) => {
  expect(decode({ type: 'joinRoom', roomId, afterSeq })).toMatchObject({ kind: 'invalid' })
})

test('joinRooms takes 1 to 100 rooms', () => {
  const rooms = (n: number) =>
    decode({ type: 'joinRooms', rooms: Array.from({ length: n }, () => ({ roomId })) })
  expect(rooms(0)).toMatchObject({ kind: 'invalid' })
  expect(rooms(100)).toMatchObject({ kind: 'frame' })
  expect(rooms(101)).toMatchObject({ kind: 'invalid' })
})
