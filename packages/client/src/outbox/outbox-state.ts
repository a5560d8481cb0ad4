import type { FrameErrorCode } from '@roomlog/protocol/wire'
import type { Answer, Moment, OutboxEffect, OutboxEvent } from './outbox-events.ts'

/**
 * How far a message of one's own has come: not answered yet, in the log and therefore stored soon, stored under its
 * `seq`, or refused for good.
 */
export type SendState = 'queued' | 'accepted' | 'persisted' | 'rejected'

/** A message on its way, as it is shown before the room's log has it. */
export interface Send {
  readonly clientMsgId: string
  readonly roomId: string
  readonly body: string
  /** ISO 8601, of this machine's clock. */
  readonly createdAt: string
  readonly state: SendState
  /** Times it was given to an edge; of one that a tab before left behind, at least 1. */
  readonly attempts: number
  /** Once it is persisted. */
  readonly seq?: number
  /** Why it was refused, or why the latest attempt came to nothing. */
  readonly code?: FrameErrorCode
}

/** With what only the outbox needs to know. */
interface Kept extends Send {
  /** Over the socket that is open, and not answered. */
  readonly isAsked: boolean
  /** When it is given to an edge next, if it is its turn; on the monotonic clock. */
  readonly dueMs: number
  /** Attempts in a row that came to nothing, of one that is accepted: in vain for its seq. */
  readonly failures: number
}

/** Everything on its way, a value: by room, in the order of sending. */
export interface OutboxState {
  readonly rooms: ReadonlyMap<string, readonly Kept[]>
  readonly isOnline: boolean
  /** How many an edge lets wait for their answers. */
  readonly maxUnacked: number
}

type Stepped = readonly [OutboxState, readonly OutboxEffect[]]
/** Which send. */
type Named = Pick<Send, 'roomId' | 'clientMsgId'>

/** After so long without an answer, and of one accepted without having seen it, a client repeats. */
const UNANSWERED_MS = 10_000
const LONGEST_UNSEEN_MS = 60_000
const RETRY_FIRST_MS = 500
const RETRY_MAX_MS = 20_000

export const EMPTY_OUTBOX: OutboxState = { rooms: new Map(), isOnline: false, maxUnacked: 0 }

/** What becomes of what is on its way by what happened, and what is to be done. No I/O, no clock, no chance of its own. */
export function stepOutbox(outbox: OutboxState, event: OutboxEvent, moment: Moment): Stepped {
  const [next, effects] = take(outbox, event, moment)
  const [given, writes] = giveDue(next, moment.nowMs)
  return [given, [...effects, ...writes]]
}

/** When there is something to do next, on the monotonic clock; undefined: after another event. */
export function nextDueMs(outbox: OutboxState): number | undefined {
  if (!outbox.isOnline) return undefined
  const all = [...outbox.rooms.values()].flatMap(turns)
  // While an edge takes no more, what is due waits for an answer.
  const next = askedOf(outbox) < outbox.maxUnacked ? all : all.filter(({ isAsked }) => isAsked)
  return next.reduce<number | undefined>((min, { dueMs }) => Math.min(min ?? dueMs, dueMs), undefined)
}

/** What is on its way to a room, in the order of sending. */
export function sendsTo(outbox: OutboxState, roomId: string): readonly Send[] {
  return outbox.rooms.get(roomId) ?? []
}

function take(outbox: OutboxState, event: OutboxEvent, { nowMs, draw }: Moment): Stepped {
  switch (event.type) {
    case 'queue':
      return add(outbox, [{ ...event.send, ...QUEUED, dueMs: nowMs }])
    case 'adopt':
      return add(
        outbox,
        event.sends.map((send) => ({
          ...{ ...send, ...QUEUED, attempts: 1, dueMs: nowMs },
          ...(send.code !== undefined && { state: 'rejected' as const }),
        })),
      )
    case 'connected':
      return [{ ...outbox, isOnline: true, maxUnacked: event.maxUnacked }, []]
    case 'lost':
      return [lost(outbox, nowMs), []]
    case 'ack':
      return change(outbox, event, (send) => answered(send, event.answer, nowMs, draw))
    case 'seen':
      return change(outbox, event, (send) => ({ ...send, state: 'persisted', seq: event.seq }))
    case 'refused':
      return change(outbox, event, (send) => rejected(send, event.code))
    case 'retry':
      return retry(outbox, event, nowMs)
    case 'discard':
      return discard(outbox, event)
    case 'timer':
      return [outbox, []]
  }
}

const QUEUED = { state: 'queued', attempts: 0, isAsked: false, failures: 0 } as const

function add(outbox: OutboxState, sends: readonly Kept[]): Stepped {
  const rooms = new Map(outbox.rooms)
  for (const roomId of new Set(sends.map((send) => send.roomId))) {
    const ofRoom = sends.filter((send) => send.roomId === roomId)
    rooms.set(roomId, [...(rooms.get(roomId) ?? []), ...ofRoom])
  }
  return [{ ...outbox, rooms }, sends.map((send) => ({ type: 'changed', send }))]
}

/** No answer will come: everything that waits for one is due at the next connection. */
function lost(outbox: OutboxState, nowMs: number): OutboxState {
  const again = (send: Kept) => (send.isAsked ? { ...send, isAsked: false, dueMs: nowMs } : send)
  const rooms = new Map([...outbox.rooms].map(([roomId, sends]) => [roomId, sends.map(again)]))
  return { ...outbox, rooms, isOnline: false }
}

// --- answers -------------------------------------------------------------------------------------------------------------

function answered(send: Kept, answer: Answer, nowMs: number, draw: number): Kept {
  if (answer.status === 'ACCEPTED') {
    if (answer.seq !== undefined) return { ...send, state: 'persisted', seq: answer.seq }
    // In the log, not seen yet: asked for again until it is.
    const failures = send.state === 'accepted' ? send.failures + 1 : 0
    const waitMs = Math.min(UNANSWERED_MS * 2 ** failures, LONGEST_UNSEEN_MS)
    const { code: _, ...rest } = send
    return { ...rest, state: 'accepted', isAsked: false, failures, dueMs: nowMs + waitMs }
  }
  const { code, retryable, retryAfterMs } = answer
  // What the log has accepted once is not taken back by an answer to its repeat.
  if (!retryable && send.state !== 'accepted') return rejected(send, code)
  const failures = send.failures + 1
  const ceilingMs = Math.min(RETRY_FIRST_MS * 2 ** (failures - 1), RETRY_MAX_MS)
  const pauseMs = retryAfterMs === undefined ? ceilingMs * (0.5 + draw / 2) : retryAfterMs * (1 + draw / 4)
  return {
    ...send,
    ...(send.state !== 'accepted' && { code }),
    isAsked: false,
    failures,
    dueMs: nowMs + pauseMs,
  }
}

function rejected(send: Kept, code: FrameErrorCode): Kept {
  return { ...send, state: 'rejected', code, isAsked: false }
}

function change(outbox: OutboxState, named: Named, by: (send: Kept) => Kept): Stepped {
  return replace(outbox, named, (before, sends) => {
    const send = by(before)
    // Once it is persisted it stands in the room's log.
    const next = send.state === 'persisted' ? [] : [send]
    const isNews = send.state !== before.state || send.code !== before.code
    return [sends.flatMap((it) => (it === before ? next : it)), isNews ? [{ type: 'changed', send }] : []]
  })
}

/** Under its clientMsgId: should an attempt have come through after all, it is stored once. */
function retry(outbox: OutboxState, named: Named, nowMs: number): Stepped {
  return replace(outbox, named, (before, sends) => {
    if (before.state !== 'rejected') return [sends, []]
    const { code: _, ...rest } = before
    const send: Kept = { ...rest, state: 'queued', isAsked: false, failures: 0, dueMs: nowMs }
    return [[...sends.filter((it) => it !== before), send], [{ type: 'changed', send }]]
  })
}

function discard(outbox: OutboxState, named: Named): Stepped {
  return replace(outbox, named, (send, sends) => [
    sends.filter((it) => it !== send),
    [{ type: 'discarded', send }],
  ])
}

/** What a room's sends become by what happens to one of them, if that is known here. */
function replace(
  outbox: OutboxState,
  { roomId, clientMsgId }: Named,
  by: (send: Kept, sends: readonly Kept[]) => readonly [readonly Kept[], readonly OutboxEffect[]],
): Stepped {
  const before = outbox.rooms.get(roomId) ?? []
  const send = before.find((it) => it.clientMsgId === clientMsgId)
  if (send === undefined) return [outbox, []]
  const [sends, effects] = by(send, before)
  const rooms = new Map(outbox.rooms).set(roomId, sends)
  if (sends.length === 0) rooms.delete(roomId)
  return [{ ...outbox, rooms }, effects]
}

// --- giving ---------------------------------------------------------------------------------------------------------------

/** Those whose turn it is: all that are accepted, and the first of the others, which the ones behind it wait for. */
function turns(sends: readonly Kept[]): Kept[] {
  const first = sends.findIndex(({ state }) => state === 'queued')
  const end = first < 0 ? sends.length : first + 1
  return sends.slice(0, end).filter(({ state }) => state !== 'rejected')
}

/** Gives the edge what is due. What was asked and not answered in time is asked again, as after a loss. */
function giveDue(outbox: OutboxState, nowMs: number): Stepped {
  if (!outbox.isOnline) return [outbox, []]
  const rooms = new Map(outbox.rooms)
  const effects: OutboxEffect[] = []
  let free = outbox.maxUnacked - askedOf(outbox)
  for (const [roomId, sends] of outbox.rooms) {
    const given = new Set<Kept>()
    // What is new comes before the repeats of what the log has. What waits for an answer has its place already.
    for (const send of turns(sends).reverse()) {
      if (send.dueMs > nowMs || (!send.isAsked && free <= 0)) continue
      if (!send.isAsked) free -= 1
      given.add(send)
      const { clientMsgId, body, attempts } = send
      const repeat = attempts > 0 && ({ repeat: true } as const)
      effects.push({ type: 'write', frame: { type: 'sendMessage', roomId, clientMsgId, body, ...repeat } })
    }
    if (given.size === 0) continue
    const dueMs = nowMs + UNANSWERED_MS
    rooms.set(
      roomId,
      sends.map((it) => (given.has(it) ? { ...it, isAsked: true, attempts: it.attempts + 1, dueMs } : it)),
    )
  }
  return [{ ...outbox, rooms }, effects]
}

function askedOf({ rooms }: OutboxState): number {
  return [...rooms.values()].flatMap(turns).filter(({ isAsked }) => isAsked).length
}
