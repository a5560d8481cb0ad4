import { type Message, newId } from '@roomlog/protocol'
import { describe, expect, test } from 'vitest'
import {
  createdAtOfFrame,
  decodeCreated,
  decodeRejected,
  encodeCreated,
  encodeNewMessageFrame,
  encodePersisted,
  encodeRejected,
  frameOfPersisted,
  traced,
} from './codec.ts'

const created = {
  eventId: newId(),
  roomId: newId(),
  senderId: newId(),
  clientMsgId: 'abcdefgh',
  body: 'hello 👋',
  acceptedAt: '2026-01-02T03:04:05.678Z',
  edgeId: 'edge-1',
}
const message: Message = {
  id: newId(),
  roomId: created.roomId,
  seq: 7,
  kind: 'message',
  senderId: created.senderId,
  clientMsgId: 'abcdefgh',
  body: 'hello 👋 "quoted"\n',
  createdAt: created.acceptedAt,
}
const json = (value: unknown) => Buffer.from(JSON.stringify(value))

test('a created message comes back as it went', () => {
  const record = encodeCreated(created)
  expect(record.key).toBe(created.roomId)
  expect(decodeCreated(record.value)).toEqual({ kind: 'event', event: { v: 1, ...created } })
})

test('fields that a later build adds pass', () => {
  const later = decodeCreated(json({ v: 1, ...created, replyTo: newId() }))
  expect(later).toMatchObject({ kind: 'event', event: created })
  const { roomId, senderId, clientMsgId } = created
  const rejected = { roomId, senderId, clientMsgId, code: 'client_msg_id_reused' }
  expect(decodeRejected(json({ v: 1, ...rejected, detail: 'x' }))).toMatchObject({ event: rejected })
  const frame = frameOfPersisted(json({ v: 1, message: { ...message, replyTo: 'x' } }))
  expect(JSON.parse(String(frame)).message).toEqual({ ...message, replyTo: 'x' })
})

test('a newer version is told apart from what nobody can read', () => {
  expect(decodeCreated(json({ v: 2, anything: true }))).toEqual({ kind: 'newer', version: 2 })
})

describe('nobody can read', () => {
  test.each([
    ['a tombstone', null],
    ['nothing', Buffer.alloc(0)],
    ['no UTF-8', Buffer.from([0x22, 0xff, 0x22])],
    ['no JSON', Buffer.from('{')],
    ['a number', json(1)],
    ['null', json(null)],
    ['version 0', json({ ...created, v: 0 })],
    ['no version', json(created)],
    ['an empty body', json({ v: 1, ...created, body: '' })],
    ['a body too long', json({ v: 1, ...created, body: 'a'.repeat(4001) })],
    ['a body of more units than characters', json({ v: 1, ...created, body: '😀'.repeat(2001) })],
    ['NUL', json({ v: 1, ...created, body: 'a\0' })],
    ['a lone surrogate', Buffer.from(JSON.stringify({ v: 1, ...created, body: '\ud800' }))],
    ['an edge whose name is too long', json({ v: 1, ...created, edgeId: '😀'.repeat(129) })],
    ['a bad room', json({ v: 1, ...created, roomId: 'x' })],
    ['a time of another form', json({ v: 1, ...created, acceptedAt: 'yesterday' })],
  ])('%s', (_name, value) => {
    expect(decodeCreated(value)).toMatchObject({ kind: 'bad', reason: expect.any(String) })
  })
})

test('an edge cuts the frame out of a persisted record, the same bytes as one built anew', () => {
  const { value, headers, key } = encodePersisted(message, 'an epoch')
  expect(headers).toEqual({ seq: '7', epoch: 'an epoch' })
  expect(key).toBe(message.roomId)
  const frame = frameOfPersisted(value)
  expect(frame).toEqual(encodeNewMessageFrame(message))
  expect(JSON.parse(String(frame))).toEqual({ type: 'newMessage', message })
})

test('a frame tells when its message was accepted, whatever somebody wrote into it', () => {
  const body = '"createdAt":"2001-01-01T00:00:00.000Z" \\'
  const frame = encodeNewMessageFrame({ ...message, body })
  expect(createdAtOfFrame(frame)).toBe(Date.parse(message.createdAt))
  expect(createdAtOfFrame(encodeNewMessageFrame({ ...message, createdAt: 'x' }))).toBeUndefined()
  expect(createdAtOfFrame(json({ type: 'newMessage' }))).toBeUndefined()
})

test('a value of another shape gives no frame', () => {
  expect(frameOfPersisted(null)).toBeUndefined()
  expect(frameOfPersisted(json({ v: 2, message }))).toBeUndefined()
})

test('a rejection names its sender in a header', () => {
  const { roomId, senderId, clientMsgId } = created
  const record = encodeRejected({ roomId, senderId, clientMsgId, code: 'client_msg_id_reused' })
  expect(record.headers).toEqual({ to: senderId })
  expect(decodeRejected(record.value)).toMatchObject({
    kind: 'event',
    event: { code: 'client_msg_id_reused' },
  })
})

test('a record names the trace of the step that appends it beside its other headers, and none where there is none', () => {
  const record = encodePersisted(message, 'an epoch')
  const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
  expect(traced(record, { traceparent })).toEqual({ ...record, headers: { ...record.headers, traceparent } })
  expect(traced(record, undefined)).toBe(record)
})
