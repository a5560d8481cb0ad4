import type { LogRecord } from '@roomlog/event-log'
import { encodeCreated } from '@roomlog/events'
import { newId } from '@roomlog/protocol'
import { expect, test } from 'vitest'
import { decodeBatch } from './decode.ts'

const event = {
  eventId: newId(),
  roomId: newId(),
  senderId: newId(),
  clientMsgId: 'abcdefgh',
  body: 'hello',
  acceptedAt: '2026-01-02T03:04:05.678Z',
  edgeId: 'edge-1',
}
const address = { roomId: event.roomId, senderId: event.senderId, clientMsgId: event.clientMsgId }
const good = encodeCreated(event).value
const json = (value: unknown) => Buffer.from(JSON.stringify(value))
const records = (...values: (Buffer | null)[]): LogRecord[] =>
  values.map((value, i) => ({ key: event.roomId, headers: {}, value, offset: BigInt(100 + i) }))

test('good records become candidates, with the record they came in', () => {
  const batch = records(good, good)
  expect(decodeBatch(batch)).toEqual({
    candidates: batch.map((record) => ({ record, event: { v: 1, ...event } })),
    dead: [],
    newer: undefined,
  })
})

test.for([
  ['a tombstone', null],
  ['an empty value', Buffer.alloc(0)],
  ['no UTF-8', Buffer.from([0xc3, 0x28])],
  ['no JSON', Buffer.from('{"v":1')],
  ['no object', json([1])],
  ['no version', json({ ...event })],
  ['an older version than the first', json({ ...event, v: 0 })],
] as const)('%s is dead, and the records around it are not', ([, value]) => {
  const { candidates, dead } = decodeBatch(records(good, value, good))
  expect(candidates.map(({ record }) => record.offset)).toEqual([100n, 102n])
  expect(dead).toMatchObject([{ kind: 'dead', reason: 'undecodable', record: { offset: 101n, value } }])
})

test.for([
  ['of the wrong type', 7],
  ['empty', ''],
  ['too long', 'x'.repeat(4001)],
  ['with NUL', 'a\0b'],
  ['with a lone surrogate', 'a\ud800b'],
] as const)('a body %s is dead, and its sender can be told', ([, body]) => {
  const { dead } = decodeBatch(records(json({ v: 1, ...event, body })))
  expect(dead).toMatchObject([{ reason: 'undecodable', code: 'validation_failed', address }])
})

test('nothing of a dead record but names of fields and rules is repeated', () => {
  const { dead } = decodeBatch(records(json({ v: 1, ...event, body: 'secret'.repeat(1000) })))
  expect(dead[0]?.detail).toMatch(/^body: /)
  expect(dead[0]?.detail).not.toContain('secret')
})

test('a newer version ends the batch', () => {
  const newer = json({ v: 2, anything: true })
  const decoded = decodeBatch(records(good, null, newer, good))
  expect(decoded.candidates).toHaveLength(1)
  expect(decoded.dead).toHaveLength(1)
  expect(decoded.newer).toEqual({ index: 2, offset: 102n, version: 2 })
})
