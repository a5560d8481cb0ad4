import { newId } from '@roomlog/protocol'
import { describe, expect, test } from 'vitest'
import { HEADERS } from './codec.ts'
import { addressOf, encodeDeadLetter } from './dead-letter.ts'

const origin = { topic: 'created', partition: 3, offset: 2n ** 60n } as const

describe('a dead letter', () => {
  test('keeps key, bytes and headers, and says why and where from', () => {
    const value = Buffer.from([0xff, 0x00, 0x7b])
    const record = encodeDeadLetter({ key: 'room', headers: { trace: 'x' }, value }, 'tombstone', origin)
    expect(record).toEqual({
      key: 'room',
      headers: {
        trace: 'x',
        [HEADERS.reason]: 'tombstone',
        [HEADERS.originTopic]: 'chat.messages.v1',
        [HEADERS.originPartition]: '3',
        [HEADERS.originOffset]: '1152921504606846976',
      },
      value,
    })
  })

  test('has an empty key and value where the record had none', () => {
    expect(encodeDeadLetter({ key: null, headers: {}, value: null }, 'tombstone', origin)).toMatchObject({
      key: '',
      value: Buffer.alloc(0),
    })
  })
})

describe('the address of an undecodable record', () => {
  const address = { roomId: newId(), senderId: newId(), clientMsgId: 'abcdefgh' }
  const json = (value: unknown) => Buffer.from(JSON.stringify(value))

  test('is read from whatever JSON carries it', () => {
    expect(addressOf(json({ ...address, body: 7, v: 'x' }))).toEqual(address)
  })

  test('is read although the body is not UTF-8', () => {
    const [before = '', after = ''] = JSON.stringify({ ...address, body: '#' }).split('#')
    expect(addressOf(Buffer.concat([Buffer.from(before), Buffer.from([0xff]), Buffer.from(after)]))).toEqual(
      address,
    )
  })

  test.for([
    ['a tombstone', null],
    ['nothing', Buffer.alloc(0)],
    ['no JSON', Buffer.from('{')],
    ['no object', json(null)],
    ['a bad id', json({ ...address, senderId: 'x' })],
    ['a missing id', json({ ...address, clientMsgId: undefined })],
  ] as const)('cannot be read from %s', ([, value]) => {
    expect(addressOf(value)).toBeUndefined()
  })
})
