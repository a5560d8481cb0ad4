import type { Message } from '@roomlog/protocol/wire'

/** All messages of a log with `after` < seq ≤ `upTo`, ascending; what has a seq and nothing to show is left out. */
export interface Run {
  readonly after: number
  readonly upTo: number
  readonly messages: readonly Message[]
}

/**
 * The part of a room that is held, a value: the run that is looked at, and the newest messages, so that the way back to
 * them is short. Both are of one epoch.
 */
export interface TimelineWindow {
  /** Undefined before anything is known. */
  readonly run?: Run | undefined
  readonly tail?: Run | undefined
  /** The seq around which the reader looks; undefined: at the newest, wherever that is. */
  readonly focus?: number | undefined
  readonly maxMessages: number
}

const TAIL_MESSAGES = 100

export function newWindow(maxMessages: number): TimelineWindow {
  return { maxMessages: Math.max(maxMessages, TAIL_MESSAGES) }
}

/** Whether the newest message is in what is looked at. */
export function isAtEnd({ run, tail }: TimelineWindow): boolean {
  return run !== undefined && run.upTo === tail?.upTo
}

/** Whether this seq is in what is looked at. */
export function holds({ run }: TimelineWindow, seq: number): boolean {
  return run !== undefined && seq > run.after && seq <= run.upTo
}

/** The next messages of the log, up to and with the seq `upTo`. */
export function appended(window: TimelineWindow, messages: readonly Message[], upTo: number): TimelineWindow {
  const { tail, run } = window
  const end = isAtEnd(window)
  const first = { after: (messages[0]?.seq ?? upTo + 1) - 1, upTo, messages }
  const grown = extended(tail ?? first, first)
  return trimmed({
    ...window,
    tail: withoutFirst(grown, grown.messages.length - TAIL_MESSAGES),
    run: run === undefined ? first : end ? extended(run, first) : run,
  })
}

/** A page directly before what is looked at. */
export function prepended(window: TimelineWindow, page: Run): TimelineWindow {
  const { run } = window
  if (run === undefined || page.upTo !== run.after) return window
  // Whoever reads what is older looks at the upper end.
  const focus = Math.min(window.focus ?? run.upTo, run.after + 1)
  return trimmed({ ...window, run: extended(page, run), focus })
}

/** A page directly behind what is looked at. */
export function followed(window: TimelineWindow, page: Run): TimelineWindow {
  const { run } = window
  if (run === undefined || page.after !== run.upTo) return window
  const focus = Math.max(window.focus ?? 0, run.upTo)
  return trimmed(joinedToTail({ ...window, run: extended(run, page), focus }))
}

/** A page anywhere, to look at `focus`. */
export function movedTo(window: TimelineWindow, page: Run, focus: number): TimelineWindow {
  return trimmed(joinedToTail({ ...window, run: page, focus }))
}

export function movedToEnd(window: TimelineWindow): TimelineWindow {
  const { run, tail } = window
  return trimmed({ ...window, run: isAtEnd(window) ? run : tail, focus: undefined })
}

/** The reader looks around this seq; undefined: at the newest. Nothing that is held changes by it. */
export function lookingAt(window: TimelineWindow, focus: number | undefined): TimelineWindow {
  return { ...window, focus }
}

function joinedToTail(window: TimelineWindow): TimelineWindow {
  const { run, tail } = window
  if (run === undefined || tail === undefined || run.upTo < tail.after) return window
  return { ...window, run: extended(run, tail) }
}

/** `next` begins within `run`, or directly behind it. */
function extended(run: Run, next: Run): Run {
  if (next.upTo <= run.upTo) return run
  const more = next.messages.filter(({ seq }) => seq > run.upTo)
  return { after: run.after, upTo: next.upTo, messages: [...run.messages, ...more] }
}

/** Gives up, of what is too much, that which is farther from where the reader looks. */
function trimmed(window: TimelineWindow): TimelineWindow {
  const { run, focus, maxMessages } = window
  const excess = (run?.messages.length ?? 0) - maxMessages
  if (run === undefined || excess <= 0) return window
  const before =
    focus === undefined ? run.messages.length : run.messages.filter((it) => it.seq < focus).length
  // Half of what may stay on each side of the focus, and more where the other side has less.
  const first = Math.min(Math.max(0, before - Math.floor(maxMessages / 2)), excess)
  return { ...window, run: withoutLast(withoutFirst(run, first), excess - first) }
}

function withoutFirst(run: Run, count: number): Run {
  if (count <= 0) return run
  const messages = run.messages.slice(count)
  return { ...run, after: run.messages[count - 1]?.seq ?? run.after, messages }
}

function withoutLast(run: Run, count: number): Run {
  if (count <= 0) return run
  const messages = run.messages.slice(0, -count)
  return { ...run, upTo: messages.at(-1)?.seq ?? run.after, messages }
}
