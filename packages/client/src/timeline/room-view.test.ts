import { modelRuns } from '@roomlog/testkit/model-runs'
import { array, assert as check, constantFrom, nat, property, tuple } from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ROOM_ID } from '../../test/model-room.ts'
import { ACTS, type Step, simulate } from '../../test/room-view-simulation.ts'
import { stepRoomView } from './room-view.ts'
import type { RoomFrame, RoomViewEffect, RoomViewEvent } from './room-view-events.ts'
import { newRoomView, type RoomViewOptions } from './room-view-state.ts'

const runs = modelRuns()

describe('whatever drops, is late, repeated or restored', () => {
  test.each(['newest', 'start'] as const)(
    `a room is shown without a gap or a repeat, up to its head: ${runs.numRuns} interleavings from the %s`,
    async (from) => {
      const acts = Object.entries(ACTS).flatMap(([act, weight]) =>
        Array<Step[0]>(weight).fill(act as Step[0]),
      )
      const steps = array(tuple(constantFrom(...acts), nat(999), nat(999)), {
        minLength: 1,
        maxLength: 160,
        size: 'max',
      })
      await check(
        property(steps, (drawn) => simulate(from, drawn)),
        runs,
      )
    },
    600_000,
  )
})

const EPOCH = 'epoch-1'

/** A view whose every effect is told in short words. */
class Harness {
  #view
  #connection = 0

  constructor(from: RoomViewOptions['from']) {
    this.#view = newRoomView({ from, pageLimit: 100, maxWaiting: 3 })
  }

  feed(event: RoomViewEvent): readonly string[] {
    const [view, effects] = stepRoomView(this.#view, event)
    this.#view = view
    return effects.map(wordsOf)
  }

  connected(): readonly string[] {
    this.#connection += 1
    return this.feed({ type: 'connected', connection: this.#connection })
  }

  frame(frame: RoomFrame, connection = this.#connection): readonly string[] {
    return this.feed({ type: 'frame', connection, frame })
  }

  /** The answer to the latest join. */
  joined(headSeq: number, more: Partial<Extract<RoomFrame, { type: 'joinedRoom' }>> = {}): readonly string[] {
    const ref = String(this.#view.asked)
    return this.frame({ type: 'joinedRoom', roomId: ROOM_ID, headSeq, epoch: EPOCH, ref, ...more })
  }

  messages(first: number, last = first, connection = this.#connection): readonly string[] {
    return upTo(first, last).flatMap((seq) =>
      this.frame({ type: 'newMessage', message: message(seq) }, connection),
    )
  }

  /** The answer to the latest read, or to one before it. */
  page(first: number, last: number, epoch = EPOCH, number = this.#view.asked): readonly string[] {
    return this.feed({ type: 'page', number, page: { epoch, messages: upTo(first, last).map(message) } })
  }

  failed(retryable: boolean): readonly string[] {
    return this.feed({ type: 'pageFailed', number: this.#view.asked, retryable })
  }
}

function upTo(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, i) => first + i)
}

function message(seq: number) {
  const clientMsgId = `message-${seq}`
  const [id, senderId, createdAt] = [`id-${seq}`, 'ada', '2026-01-02T03:04:05.678Z']
  return { id, roomId: ROOM_ID, seq, kind: 'message', senderId, clientMsgId, body: '', createdAt } as const
}

function wordsOf(effect: RoomViewEffect): string {
  const wait = 'afterMs' in effect && effect.afterMs > 0 ? ` in ${effect.afterMs} ms` : ''
  switch (effect.type) {
    case 'join':
      return `join after ${effect.afterSeq}${wait}`
    case 'readPage': {
      const { read } = effect
      return `read ${'after' in read ? `after ${read.after}` : `before ${read.before}`}${wait}`
    }
    case 'show':
      return `show ${effect.messages.map(({ seq }) => seq).join()}`
    default:
      return effect.type
  }
}

describe('a fresh view', () => {
  test('from the newest shows the page up to where its stream begins, then what waited', () => {
    const view = new Harness('newest')
    expect(view.connected()).toEqual(['join after undefined'])
    expect(view.joined(7)).toEqual(['read before 8'])
    expect(view.messages(8, 9)).toEqual([])
    expect(view.page(3, 7)).toEqual(['show 3,4,5,6,7,8,9'])
    expect(view.messages(10)).toEqual(['show 10'])
  })

  test('from the start joins after nothing, and reads what is too far', () => {
    const view = new Harness('start')
    expect(view.connected()).toEqual(['join after 0'])
    expect(view.joined(150, { recovered: false, reason: 'too_far' })).toEqual(['read after 0'])
    expect(view.page(1, 100)).toEqual([`show ${upTo(1, 100)}`, 'read after 100'])
    expect(view.page(101, 152)).toEqual([`show ${upTo(101, 152)}`])
    expect(view.messages(151, 153)).toEqual(['show 153'])
  })

  test('of an empty room reads nothing', () => {
    const view = new Harness('newest')
    view.connected()
    expect(view.joined(0)).toEqual([])
    expect(view.messages(1)).toEqual(['show 1'])
  })
})

describe('a view that has seen 1 to 5', () => {
  function seenFive(): Harness {
    const view = new Harness('start')
    view.connected()
    view.joined(5, { recovered: true })
    view.messages(1, 5)
    return view
  }

  test('resumes after them, and drops what it has', () => {
    const view = seenFive()
    view.feed({ type: 'lost', connection: 1 })
    expect(view.connected()).toEqual(['join after 5'])
    expect(view.messages(6)).toEqual([])
    expect(view.joined(7, { recovered: true })).toEqual([])
    expect(view.messages(4, 7)).toEqual(['show 6', 'show 7'])
  })

  test('joins again where a message is missing, and shows nothing before it has it', () => {
    const view = seenFive()
    expect(view.messages(7)).toEqual(['join after 5'])
    expect(view.messages(8)).toEqual([])
    view.joined(8, { recovered: true })
    expect(view.messages(6, 8)).toEqual(['show 6', 'show 7', 'show 8'])
  })

  test('reads the rest as pages when more waits than it keeps', () => {
    const view = seenFive()
    // The edge fell behind.
    expect(view.joined(20, { recovered: false, reason: 'too_far', ref: undefined })).toEqual(['read after 5'])
    expect(view.messages(21, 25)).toEqual([])
    expect(view.page(6, 22)).toEqual([`show ${upTo(6, 22)}`, 'read after 22'])
    expect(view.page(23, 24)).toEqual(['show 23,24,25'])
  })

  test.each([
    ['is reset', { headSeq: 3, recovered: false, reason: 'reset' }],
    ['has another epoch', { headSeq: 9, recovered: true, epoch: 'epoch-2' }],
  ] as const)('forgets a room that %s, and begins anew', (_name, { headSeq, ...more }) => {
    const view = seenFive()
    view.connected()
    expect(view.joined(headSeq, more)).toEqual(['forget', 'read after 0'])
  })

  test('forgets when a page is of another epoch, and asks where the room stands', () => {
    const view = seenFive()
    view.connected()
    view.joined(9, { recovered: false, reason: 'too_far' })
    expect(view.page(1, 2, 'epoch-2')).toEqual(['forget', 'join after 0 in 250 ms'])
  })

  test('takes nothing of an older connection, and no answer to an older question', () => {
    const view = seenFive()
    view.connected()
    view.joined(9, { recovered: false, reason: 'too_far' })
    view.connected()
    view.joined(9, { recovered: false, reason: 'too_far' })
    expect(view.messages(6, 6, 1)).toEqual([])
    expect(view.feed({ type: 'lost', connection: 2 })).toEqual([])
    expect(view.page(6, 9, EPOCH, 3)).toEqual([])
    expect(view.page(6, 9)).toEqual(['show 6,7,8,9'])
  })

  test('passes over kinds it does not know', () => {
    const view = seenFive()
    const reaction = { ...message(6), kind: 'reaction' as 'message' }
    expect(view.frame({ type: 'newMessage', message: reaction })).toEqual([])
    expect(view.messages(7)).toEqual(['show 7'])
  })

  test('passes over frames that are not for it', () => {
    const view = seenFive()
    const typing = { type: 'typing', roomId: ROOM_ID, userId: 'ada', isTyping: true }
    expect(view.frame(typing as never)).toEqual([])
    expect(view.messages(6)).toEqual(['show 6'])
  })

  test('repeats a refused join and a failed read after growing pauses', () => {
    const view = seenFive()
    view.connected()
    const refusal = { type: 'error', roomId: ROOM_ID, message: '', ref: '2', retryable: true } as const
    expect(view.frame({ ...refusal, code: 'rate_limited', retryAfterMs: 70 })).toEqual([
      'join after 5 in 70 ms',
    ])
    expect(view.joined(9, { recovered: false, reason: 'too_far' })).toEqual(['read after 5 in 250 ms'])
    expect(view.failed(true)).toEqual(['read after 5 in 500 ms'])
    for (let i = 0; i < 9; i += 1) view.failed(true)
    expect(view.failed(true)).toEqual(['read after 5 in 5000 ms'])
    expect(view.page(6, 9)).toEqual(['show 6,7,8,9'])
  })

  test('shows nothing after a removal, and goes on where it stood after a return', () => {
    const view = seenFive()
    view.frame({ type: 'removedFromRoom', roomId: ROOM_ID })
    expect([...view.messages(6), ...view.connected()]).toEqual([])
    expect(view.feed({ type: 'entered' })).toEqual(['join after 5'])
  })

  test('takes the answer to a leaving for no end of what was joined after it', () => {
    const view = seenFive()
    expect(view.feed({ type: 'left' })).toEqual(['leave'])
    expect(view.messages(6)).toEqual([])
    expect(view.feed({ type: 'entered' })).toEqual(['join after 5'])
    view.frame({ type: 'leftRoom', roomId: ROOM_ID })
    view.joined(6, { recovered: true })
    expect(view.messages(6)).toEqual(['show 6'])
  })
})
