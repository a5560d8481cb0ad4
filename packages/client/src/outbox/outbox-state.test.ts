import { describe, expect, test } from 'vitest'
import type { Answer, OutboxEffect, OutboxEvent } from './outbox-events.ts'
import { EMPTY_OUTBOX, nextDueMs, sendsTo, stepOutbox } from './outbox-state.ts'

const ROOM = 'room'

/** An outbox whose effects are told in short words. */
class Harness {
  nowMs = 0
  #outbox = EMPTY_OUTBOX

  feed(event: OutboxEvent): readonly string[] {
    const [outbox, effects] = stepOutbox(this.#outbox, event, { nowMs: this.nowMs, draw: 0 })
    this.#outbox = outbox
    return effects.map(wordsOf)
  }

  queue(clientMsgId: string, roomId = ROOM): readonly string[] {
    return this.feed({ type: 'queue', send: { clientMsgId, roomId, body: clientMsgId, createdAt: '' } })
  }

  ack(clientMsgId: string, answer: Answer = { status: 'ACCEPTED' }): readonly string[] {
    return this.feed({ type: 'ack', roomId: ROOM, clientMsgId, answer })
  }

  failed(clientMsgId: string, code: 'unavailable' | 'rate_limited' | 'not_a_member', retryAfterMs?: number) {
    const retryable = code !== 'not_a_member'
    return this.ack(clientMsgId, {
      ...{ status: 'FAILED', code, retryable },
      ...(retryAfterMs !== undefined && { retryAfterMs }),
    })
  }

  connect(maxUnacked = 16): readonly string[] {
    return this.feed({ type: 'connected', maxUnacked })
  }

  /** Lets time pass until something is due. */
  wait(): readonly string[] {
    this.nowMs = nextDueMs(this.#outbox) ?? Number.NaN
    return this.feed({ type: 'timer' })
  }

  get states(): readonly string[] {
    return sendsTo(this.#outbox, ROOM).map(({ clientMsgId, state }) => `${clientMsgId} ${state}`)
  }

  get dueMs(): number | undefined {
    return nextDueMs(this.#outbox)
  }
}

function wordsOf(effect: OutboxEffect): string {
  switch (effect.type) {
    case 'write':
      return `${effect.frame.repeat === true ? 'repeat' : 'send'} ${effect.frame.clientMsgId}`
    case 'changed':
      return `${effect.send.clientMsgId} ${effect.send.state}${effect.send.code ? ` ${effect.send.code}` : ''}`
    case 'discarded':
      return `${effect.send.clientMsgId} discarded`
  }
}

test('a message is queued, accepted, persisted', () => {
  const outbox = new Harness()
  outbox.connect()
  expect(outbox.queue('m1')).toEqual(['m1 queued', 'send m1'])
  expect(outbox.ack('m1')).toEqual(['m1 accepted'])
  expect(outbox.feed({ type: 'seen', roomId: ROOM, clientMsgId: 'm1', seq: 7 })).toEqual(['m1 persisted'])
  expect([outbox.states, outbox.dueMs]).toEqual([[], undefined])
})

test('while an edge takes no more, nothing is tried again before its time', () => {
  const outbox = new Harness()
  outbox.connect(1)
  outbox.queue('m1')
  outbox.ack('m1')
  expect(outbox.wait()).toEqual(['repeat m1'])
  // Not answered, and the next of the room waits for that.
  expect(outbox.queue('m2')).toEqual(['m2 queued'])
  expect(outbox.wait()).toEqual(['repeat m1'])
  expect(outbox.dueMs).toBe(outbox.nowMs + 10_000)
  expect(outbox.ack('m1')).toEqual(['send m2'])
})

test('its own message may come before its ack, which then says nothing new', () => {
  const outbox = new Harness()
  outbox.connect()
  outbox.queue('m1')
  expect(outbox.feed({ type: 'seen', roomId: ROOM, clientMsgId: 'm1', seq: 7 })).toEqual(['m1 persisted'])
  expect(outbox.ack('m1')).toEqual([])
})

describe('in a room', () => {
  test('the next is sent when the log has the one before', () => {
    const outbox = new Harness()
    outbox.queue('m1')
    outbox.queue('m2')
    expect(outbox.connect()).toEqual(['send m1'])
    expect(outbox.failed('m1', 'rate_limited', 300)).toEqual(['m1 queued rate_limited'])
    expect(outbox.dueMs).toBe(300)
    expect(outbox.wait()).toEqual(['repeat m1'])
    expect(outbox.ack('m1')).toEqual(['m1 accepted', 'send m2'])
  })

  test('a refused one holds up nobody, and is sent again behind the others', () => {
    const outbox = new Harness()
    outbox.connect()
    outbox.queue('m1')
    outbox.queue('m2')
    expect(outbox.failed('m1', 'not_a_member')).toEqual(['m1 rejected not_a_member', 'send m2'])
    expect(outbox.states).toEqual(['m1 rejected', 'm2 queued'])
    expect(outbox.feed({ type: 'retry', roomId: ROOM, clientMsgId: 'm1' })).toEqual(['m1 queued'])
    expect(outbox.states).toEqual(['m2 queued', 'm1 queued'])
    expect(outbox.ack('m2')).toEqual(['m2 accepted', 'repeat m1'])
    expect(outbox.feed({ type: 'discard', roomId: ROOM, clientMsgId: 'm1' })).toEqual(['m1 discarded'])
  })
})

test('rooms do not wait for each other, as far as the edge takes it', () => {
  const outbox = new Harness()
  for (const roomId of ['a', 'b', 'c']) outbox.queue(`to ${roomId}`, roomId)
  expect(outbox.connect(2)).toEqual(['send to a', 'send to b'])
  expect(outbox.dueMs).toBe(10_000)
  expect(
    outbox.feed({ type: 'ack', roomId: 'b', clientMsgId: 'to b', answer: { status: 'ACCEPTED' } }),
  ).toEqual(['to b accepted', 'send to c'])
})

describe('is repeated under its id', () => {
  test('what is not answered within 10 s', () => {
    const outbox = new Harness()
    outbox.connect()
    outbox.queue('m1')
    expect(outbox.dueMs).toBe(10_000)
    expect(outbox.wait()).toEqual(['repeat m1'])
  })

  test('what was on its way over a connection that is lost, at once over the next', () => {
    const outbox = new Harness()
    outbox.connect()
    outbox.queue('m1')
    outbox.feed({ type: 'lost' })
    expect([outbox.dueMs, outbox.queue('m2')]).toEqual([undefined, ['m2 queued']])
    expect(outbox.connect()).toEqual(['repeat m1'])
  })

  test('what was accepted and not seen, after 10 s and then less and less often', () => {
    const outbox = new Harness()
    outbox.connect()
    outbox.queue('m1')
    outbox.ack('m1')
    const pauses: number[] = []
    for (let i = 0; i < 5; i += 1) {
      const { nowMs } = outbox
      expect(outbox.wait()).toEqual(['repeat m1'])
      pauses.push(outbox.nowMs - nowMs)
      expect(outbox.ack('m1')).toEqual([])
    }
    expect(pauses).toEqual([10_000, 20_000, 40_000, 60_000, 60_000])
    expect(outbox.wait()).toEqual(['repeat m1'])
    expect(outbox.ack('m1', { status: 'ACCEPTED', seq: 9 })).toEqual(['m1 persisted'])
  })

  test('what failed, after growing pauses', () => {
    const outbox = new Harness()
    outbox.connect()
    outbox.queue('m1')
    const pauses: number[] = []
    for (let i = 0; i < 8; i += 1) {
      const { nowMs } = outbox
      outbox.failed('m1', 'unavailable')
      outbox.wait()
      pauses.push(outbox.nowMs - nowMs)
    }
    expect(pauses).toEqual([250, 500, 1000, 2000, 4000, 8000, 10_000, 10_000])
  })

  test('what another tab left behind', () => {
    const outbox = new Harness()
    outbox.connect()
    const left = { roomId: ROOM, body: 'x', createdAt: '' }
    const sends = [
      { ...left, clientMsgId: 'm1', code: 'not_a_member' as const },
      { ...left, clientMsgId: 'm2' },
    ]
    expect(outbox.feed({ type: 'adopt', sends })).toEqual([
      'm1 rejected not_a_member',
      'm2 queued',
      'repeat m2',
    ])
  })
})

test('what the log has accepted is not refused by the answer to a repeat, but by messageRejected', () => {
  const outbox = new Harness()
  outbox.connect()
  outbox.queue('m1')
  outbox.ack('m1')
  outbox.wait()
  expect(outbox.failed('m1', 'not_a_member')).toEqual([])
  expect(outbox.states).toEqual(['m1 accepted'])
  expect(
    outbox.feed({ type: 'refused', roomId: ROOM, clientMsgId: 'm1', code: 'client_msg_id_reused' }),
  ).toEqual(['m1 rejected client_msg_id_reused'])
})

test('what is new comes before the repeats of what the log has', () => {
  const outbox = new Harness()
  outbox.connect(1)
  for (const id of ['m1', 'm2']) {
    outbox.queue(id)
    outbox.ack(id)
  }
  outbox.feed({ type: 'lost' })
  outbox.nowMs = 60_000
  outbox.queue('m3')
  expect(outbox.connect(1)).toEqual(['send m3'])
})
