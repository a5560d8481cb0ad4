import type { Message } from '@roomlog/protocol/wire'
import type { PageRead, RoomFrame, RoomViewEffect, RoomViewEvent } from './room-view-events.ts'
import { isDue, type RoomView } from './room-view-state.ts'

type Stepped = readonly [RoomView, readonly RoomViewEffect[]]

const RETRY_FIRST_MS = 250
const RETRY_MAX_MS = 5000

/** What becomes of a view by what happened, and what is to be done. No I/O, no clock. */
export function stepRoomView(view: RoomView, event: RoomViewEvent): Stepped {
  switch (event.type) {
    case 'connected':
      return join({ ...view, connection: event.connection, failures: 0 })
    case 'lost':
      if (event.connection !== view.connection) return [view, []]
      return [{ ...view, connection: undefined, head: undefined, stream: { phase: 'none' } }, []]
    case 'frame':
      return event.connection === view.connection && view.wanted ? onFrame(view, event.frame) : [view, []]
    case 'page':
      return isDue(view, event) ? onPage(view, event.page) : [view, []]
    case 'pageFailed':
      if (!isDue(view, event)) return [view, []]
      return event.retryable ? readOn({ ...view, failures: view.failures + 1 }) : end(view)
    case 'left': {
      const { connection, wanted } = view
      return after(connection === undefined || !wanted ? [] : [{ type: 'leave', connection }], end(view))
    }
    case 'entered': {
      // A join that is not answered yet may still be refused: only one from now on counts.
      const isInside = view.stream.phase === 'live' || view.stream.phase === 'reading'
      return isInside ? [view, []] : join({ ...view, wanted: true, failures: 0 })
    }
  }
}

function onFrame(view: RoomView, frame: RoomFrame): Stepped {
  switch (frame.type) {
    case 'joinedRoom':
      return onJoined(view, frame)
    case 'newMessage':
      return onMessage(view, frame.message)
    case 'leftRoom':
      // One that comes before the answer to a join belongs to a leaving before that join.
      return view.stream.phase === 'joining' ? [view, []] : end(view)
    case 'removedFromRoom':
      return end(view)
    case 'error': {
      const { stream } = view
      if (stream.phase !== 'joining' || frame.ref !== String(stream.number)) return [view, []]
      return frame.retryable ? join({ ...view, failures: view.failures + 1 }, frame.retryAfterMs) : end(view)
    }
    default:
      // One that says nothing of what is shown, or of a type that a later build has.
      return [view, []]
  }
}

/** What was shown stays; a return goes on behind it. */
function end(view: RoomView): Stepped {
  return [{ ...view, wanted: false, stream: { phase: 'none' } }, []]
}

// --- joining -------------------------------------------------------------------------------------------------------------

/** Asks for what came after what is known. The stream of the join before it ends where its answer comes. */
function join(view: RoomView, afterMs = pauseMs(view.failures)): Stepped {
  const { connection, wanted } = view
  if (connection === undefined || !wanted) return [{ ...view, stream: { phase: 'none' } }, []]
  const number = view.asked + 1
  const afterSeq = positionOf(view)
  return [
    { ...view, asked: number, stream: { phase: 'joining', number } },
    [{ type: 'join', connection, number, ref: String(number), afterSeq, afterMs }],
  ]
}

/** The seq behind which the view goes on; undefined where that is the newest page. */
function positionOf({ last, options }: RoomView): number | undefined {
  return last ?? (options.from === 'start' ? 0 : undefined)
}

function onJoined(view: RoomView, frame: Extract<RoomFrame, { type: 'joinedRoom' }>): Stepped {
  const { headSeq, epoch, recovered, reason } = frame
  const { stream } = view
  const isAnswer = stream.phase === 'joining' && frame.ref === String(stream.number)
  // Unasked it starts the stream anew at the head; the answer to a join that was asked since will do so again.
  if (!isAnswer && (stream.phase === 'joining' || stream.phase === 'none' || frame.ref !== undefined))
    return [view, []]
  const isSameLog = reason !== 'reset' && (view.epoch === undefined || view.epoch === epoch)
  const joined = { ...view, epoch, head: headSeq }
  if (!isSameLog) return after([{ type: 'forget' }], readUpTo({ ...joined, last: undefined }, headSeq))
  if (isAnswer && recovered === true) {
    const last = positionOf(view)
    if (last !== undefined) return [live({ ...joined, last }), []]
  }
  return readUpTo(joined, headSeq)
}

// --- what is missing up to where the stream begins ---------------------------------------------------------------------------

/** The stream gives what is above `target`: the rest is read. */
function readUpTo(view: RoomView, target: number): Stepped {
  const last = target === 0 ? (view.last ?? 0) : positionOf(view)
  if (last !== undefined && last >= target) return [live({ ...view, last }), []]
  return readOn({ ...view, last, stream: { phase: 'reading', number: 0, target, waiting: [] } })
}

function readOn(view: RoomView): Stepped {
  const { stream, last, options } = view
  if (stream.phase !== 'reading') return [view, []]
  const number = view.asked + 1
  const limit = options.pageLimit
  const read: PageRead = last === undefined ? { before: stream.target + 1, limit } : { after: last, limit }
  return [
    { ...view, asked: number, stream: { ...stream, number } },
    [{ type: 'readPage', number, read, afterMs: pauseMs(view.failures) }],
  ]
}

function onPage(view: RoomView, page: Extract<RoomViewEvent, { type: 'page' }>['page']): Stepped {
  const { stream, last } = view
  if (stream.phase !== 'reading') return [view, []]
  const failed = { ...view, failures: view.failures + 1 }
  // The log was replaced since the join: only a new one tells where it stands.
  if (page.epoch !== view.epoch)
    return after([{ type: 'forget' }], join({ ...failed, epoch: undefined, last: undefined }))
  const from = last ?? (page.messages[0]?.seq ?? 1) - 1
  const run = page.messages.filter(({ seq }) => seq > from)
  if (run.length === 0 || !isRun(run, from)) return readOn(failed)
  const to = from + run.length
  if (to < stream.target) return after(shown(run), readOn({ ...view, last: to, failures: 0 }))
  const waiting = stream.waiting.filter(({ seq }) => seq > to)
  return [live({ ...view, last: to + waiting.length }), shown([...run, ...waiting])]
}

function live(view: RoomView): RoomView {
  return { ...view, stream: { phase: 'live' }, failures: 0 }
}

function isRun(messages: readonly Message[], from: number): boolean {
  return messages.every(({ seq }, index) => seq === from + 1 + index)
}

// --- the live stream -------------------------------------------------------------------------------------------------------

function onMessage(view: RoomView, message: Message): Stepped {
  const { stream, last, options } = view
  if (stream.phase !== 'live' && stream.phase !== 'reading') return [view, []]
  const next = 1 + (stream.phase === 'live' ? (last ?? 0) : stream.target + stream.waiting.length)
  if (message.seq < next) return [view, []]
  // Something is missing between: the join's answer brings it.
  if (message.seq > next) return join(view)
  if (stream.phase === 'live') return [{ ...view, last: next }, shown([message])]
  // Too many: they are read as well, the read under way goes on.
  if (stream.waiting.length >= options.maxWaiting)
    return [{ ...view, stream: { ...stream, target: message.seq, waiting: [] } }, []]
  return [{ ...view, stream: { ...stream, waiting: [...stream.waiting, message] } }, []]
}

/** Kinds of a later build have a seq and nothing to show. */
function shown(run: readonly Message[]): readonly RoomViewEffect[] {
  const messages = run.filter(({ kind }) => (kind as string) === 'message')
  return messages.length === 0 ? [] : [{ type: 'show', messages }]
}

function after(effects: readonly RoomViewEffect[], [view, more]: Stepped): Stepped {
  return [view, [...effects, ...more]]
}

function pauseMs(failures: number): number {
  return failures === 0 ? 0 : Math.min(RETRY_FIRST_MS * 2 ** (failures - 1), RETRY_MAX_MS)
}
