import type { Entry } from '@roomlog/testkit/proof'
import { expect, test } from 'vitest'
import { recoveries } from './recovery.ts'

const END = 1_000
const fault = (t: number, phase: 'begin' | 'end'): Entry => ({
  ...{ t, type: 'fault', phase, fault: 'F1', act: 'kill', target: 'edge' },
})
const address = { client: 'ann', userId: 'user-ann', roomId: 'room', connection: 'ann-1' } as const
const send = (t: number, clientMsgId: string): Entry => ({
  ...{ t, type: 'send', ...address, clientMsgId, body: 'text', attempt: 1 },
})
const ack = (t: number, clientMsgId: string): Entry => ({
  ...{ t, type: 'ack', ...address, clientMsgId, body: 'text', status: 'ACCEPTED' },
})
const live = (t: number, clientMsgId: string): Entry => ({
  ...{ t, type: 'live', client: 'ann', connection: 'ann-1', roomId: 'room' },
  ...{ seq: 1, id: clientMsgId, senderId: 'user-ann', clientMsgId, body: 'text' },
})
const stopped: Entry = { t: 60_000, type: 'phase', phase: 'stopped' }
const act = [fault(900, 'begin'), fault(END, 'end')]

test('a client has recovered when it has both an ACK and a message of a time after the fault', () => {
  const history = [...act, send(1_200, 'm1'), live(1_500, 'm1'), ack(1_700, 'm1'), stopped]
  expect(recoveries(history)).toEqual([700])
})

test('what was sent before the end of the fault does not count, nor the time in which nobody had anything to say', () => {
  const before = [
    fault(900, 'begin'),
    send(950, 'm0'),
    fault(END, 'end'),
    ack(1_100, 'm0'),
    live(1_100, 'm0'),
  ]
  const after = [send(3_000, 'm1'), ack(3_100, 'm1'), live(3_200, 'm1'), stopped]
  expect(recoveries([...before, ...after])).toEqual([1_200])
})

test('a client that sends and gets no ACK never recovers', () => {
  expect(recoveries([...act, send(1_200, 'm1'), stopped])).toEqual([Number.POSITIVE_INFINITY])
})

test('a client that had nothing to send says nothing', () => {
  const joined: Entry = { t: 1_100, type: 'closed', client: 'ann', connection: 'ann-1', code: 1006 }
  expect(recoveries([...act, joined, stopped])).toEqual([])
})

test('each act of a run counts for each client', () => {
  const first = [...act, send(1_200, 'm1'), ack(1_300, 'm1'), live(1_400, 'm1')]
  const second = [fault(5_000, 'begin'), fault(6_000, 'end'), send(6_100, 'm2'), ack(6_200, 'm2')]
  expect(recoveries([...first, ...second, live(6_300, 'm2'), stopped])).toEqual([400, 300])
})
