import { encodePersisted, encodeRejected, HEADERS } from '@roomlog/events'
import { type Message, newId } from '@roomlog/protocol'
import { describe, expect, test } from 'vitest'
import { deadLetterOf, persistedOf } from './publish.ts'
import type { DeadRecord } from './verdict.ts'

const address = { roomId: newId(), senderId: newId(), clientMsgId: 'abcdefgh' }
const acceptedAt = '2026-01-02T03:04:05.678Z'
const message: Message = {
  id: newId(),
  seq: 7,
  kind: 'message',
  body: 'hello',
  createdAt: acceptedAt,
  ...address,
}
const event = { v: 1, eventId: newId(), body: 'other', acceptedAt, edgeId: 'edge-1', ...address } as const
const dead: DeadRecord = {
  kind: 'dead',
  record: { key: 'key', headers: {}, value: Buffer.from('{'), offset: 42n },
  reason: 'undecodable',
  detail: 'not JSON',
  code: 'validation_failed',
  address: undefined,
}

describe('readers are told', () => {
  test('of a stored message, and once more of a redelivered one', () => {
    const record = encodePersisted(message, 'an epoch')
    expect(persistedOf({ kind: 'stored', message, epoch: 'an epoch' })).toEqual([record])
    expect(persistedOf({ kind: 'redelivered', message, epoch: 'an epoch' })).toEqual([record])
  })

  test('nothing of a repeat', () => {
    expect(persistedOf({ kind: 'duplicate' })).toEqual([])
  })

  test('of a reused clientMsgId, without a body', () => {
    const rejected = encodeRejected({ ...address, code: 'client_msg_id_reused' })
    expect(persistedOf({ kind: 'reused', event })).toEqual([rejected])
    expect(rejected.headers[HEADERS.to]).toBe(address.senderId)
  })

  test('of a dead record where its sender is known', () => {
    expect(persistedOf(dead)).toEqual([])
    expect(persistedOf({ ...dead, address: event })).toEqual([
      encodeRejected({ ...address, code: 'validation_failed' }),
    ])
  })
})

test('a dead letter is the original with the reason and the place', () => {
  expect(deadLetterOf(3, dead)).toEqual({
    key: 'key',
    headers: {
      [HEADERS.reason]: 'undecodable: not JSON',
      [HEADERS.originTopic]: 'chat.messages.v1',
      [HEADERS.originPartition]: '3',
      [HEADERS.originOffset]: '42',
    },
    value: Buffer.from('{'),
  })
})
