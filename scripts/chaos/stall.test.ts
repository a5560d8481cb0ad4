import type { Entry } from '@roomlog/testkit/proof'
import { expect, test } from 'vitest'
import { longestStall } from './stall.ts'

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
