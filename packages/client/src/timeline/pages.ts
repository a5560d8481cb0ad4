import type { Message } from '@roomlog/protocol/wire'
import type { PageRead } from './room-view-events.ts'
import { followed, isAtEnd, movedTo, prepended, type Run, type TimelineWindow } from './window.ts'

/** The most that the api gives. */
export const PAGE_LIMIT = 100

/** A page of history to be read, and what becomes of a window by it. */
export interface PageAsked {
  readonly read: PageRead
  readonly use: (window: TimelineWindow, page: Run) => TimelineWindow
}

/** The one before what is held; undefined where there is none. */
export function olderPage({ run }: TimelineWindow): PageAsked | undefined {
  if (run === undefined || run.after === 0) return undefined
  return { read: { before: run.after + 1, limit: PAGE_LIMIT }, use: prepended }
}

/** The one behind what is held; undefined where that is the newest. */
export function newerPage(window: TimelineWindow): PageAsked | undefined {
  const { run } = window
  if (run === undefined || isAtEnd(window)) return undefined
  return { read: { after: run.upTo, limit: PAGE_LIMIT }, use: followed }
}

/** One with this seq in its middle; undefined where nothing is known yet. */
export function pageAround({ run }: TimelineWindow, seq: number): PageAsked | undefined {
  if (run === undefined) return undefined
  const after = Math.max(0, seq - 1 - PAGE_LIMIT / 2)
  return { read: { after, limit: PAGE_LIMIT }, use: (window, page) => movedTo(window, page, seq) }
}

/** What a page says of the log; undefined where it has a hole, or does not lie where it was asked for. */
export function runOf(read: PageRead, messages: readonly Message[]): Run | undefined {
  const [first, last] = [messages[0], messages.at(-1)]
  if (first === undefined || last === undefined) return undefined
  if (last.seq - first.seq !== messages.length - 1) return undefined
  if ('after' in read ? first.seq !== read.after + 1 : last.seq !== read.before - 1) return undefined
  const shown = messages.filter(({ kind }) => (kind as string) === 'message')
  return { after: first.seq - 1, upTo: last.seq, messages: shown }
}
