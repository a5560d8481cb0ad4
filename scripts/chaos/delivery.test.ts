import type { Entry } from '@roomlog/testkit/proof'
import { expect, test } from 'vitest'
import { deliveryP99Ms, longestStall } from './delivery.ts'

const address = { client: 'ann', userId: 'user-ann', connection: 'ann-1' } as const
const ack = (t: number, roomId: string, clientMsgId: string): Entry => ({
  ...{ t, type: 'ack', ...address, roomId, clientMsgId, body: 'text', status: 'ACCEPTED' },
})
const live = (t: number, roomId: string, clientMsgId: string, client = 'ann'): Entry => ({
  ...{ t, type: 'live', client, connection: `${client}-1`, roomId },
  ...{ seq: 1, id: clientMsgId, senderId: 'user-ann', clientMsgId, body: 'text' },
})

test('the room in which delivery stood longest counts, and there whoever got the message first', () => {
  const busy = [ack(100, 'busy', 'm1'), live(110, 'busy', 'm1'), live(9_000, 'busy', 'm1', 'bob')]
  const stuck = [ack(200, 'stuck', 'm2'), live(5_200, 'stuck', 'm2', 'bob'), live(5_300, 'stuck', 'm2')]
  const history = [...busy, ...stuck].toSorted((a, b) => a.t - b.t)
  expect(longestStall(history, 4_000)).toMatchObject({ measured: 5_000, limit: 4_000 })
})

test('a message that is live before its ACK, or acknowledged again later, did not wait', () => {
  const history = [live(100, 'room', 'm1'), ack(150, 'room', 'm1'), ack(9_000, 'room', 'm1')]
  expect(longestStall(history, 1)).toMatchObject({ measured: 0 })
})

test('the p99 is of what was acknowledged in the time, for those who count', () => {
  const early = [ack(50, 'room', 'm0'), live(5_000, 'room', 'm0')]
  const during = [ack(100, 'room', 'm1'), live(130, 'room', 'm1'), live(900, 'room', 'm1', 'bob')]
  const history = [...early, ...during].toSorted((a, b) => a.t - b.t)
  expect(deliveryP99Ms(history, { from: 100, to: 200 }, (client) => client !== 'bob')).toBe(30)
  expect(deliveryP99Ms(history, { from: 100, to: 200 })).toBe(800)
  expect(deliveryP99Ms(history, { from: 6_000, to: 7_000 })).toBe(Number.POSITIVE_INFINITY)
})
