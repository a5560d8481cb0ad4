import type { Message } from '@roomlog/protocol/wire'

export interface RoomViewOptions {
  /** Where a view begins that has seen nothing: at the newest page, or at the room's first message. */
  readonly from: 'newest' | 'start'
  /** Messages of a page that is read; at most 100. */
  readonly pageLimit: number
  /** Live messages that wait while pages are read; when one more comes they are read as pages, too. */
  readonly maxWaiting: number
}

/**
 * One room as a client sees it, a value: what was shown is a contiguous run of one epoch's log, up to `last`.
 */
export interface RoomView {
  readonly options: RoomViewOptions
  /** Whether the room is to be seen: no more after it was left, or its membership ended. */
  readonly wanted: boolean
  readonly connection: number | undefined
  /** The log's head as the newest answer to a join over this connection told it. */
  readonly head?: number | undefined
  readonly epoch: string | undefined
  /** The seq of the last message that was shown or, of an unknown kind, passed over; undefined in a fresh view. */
  readonly last: number | undefined
  readonly stream: Stream
  /** Joins and reads so far: each has a number, and only the newest one's answer counts. */
  readonly asked: number
  /** Joins or reads that failed in a row. */
  readonly failures: number
}

/** What comes over the connection. */
export type Stream =
  /** Nothing that counts. */
  | { readonly phase: 'none' }
  /** Nothing that counts before the answer to the join of this number. */
  | { readonly phase: 'joining'; readonly number: number }
  /** What is up to `target` is read as pages, read `number` is under way, and what is above waits, without a gap. */
  | {
      readonly phase: 'reading'
      readonly number: number
      readonly target: number
      readonly waiting: readonly Message[]
    }
  /** The message after `last`, and so on. */
  | { readonly phase: 'live' }

export function newRoomView(options: RoomViewOptions): RoomView {
  return {
    options,
    wanted: true,
    connection: undefined,
    epoch: undefined,
    last: undefined,
    stream: { phase: 'none' },
    asked: 0,
    failures: 0,
  }
}

/** Whether the view still waits for the answer of this number. A join that is sent later than a newer one ends its stream. */
export function isDue({ stream }: RoomView, { number }: { readonly number: number }): boolean {
  return (stream.phase === 'joining' || stream.phase === 'reading') && stream.number === number
}
