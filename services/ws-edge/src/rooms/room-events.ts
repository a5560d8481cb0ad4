import type { FrameErrorCode } from '@roomlog/protocol'

/** One join of one socket: a repeated join is another subscription. */
export interface Subscription {
  readonly userId: string
}

/** A stored message, ready to be written to a socket. */
export interface Row {
  readonly seq: number
  /** As `wireFrame` builds it. */
  readonly frame: Buffer
  /** Of a traced message that the log told of. */
  readonly heard?: Heard | undefined
}

/** When the log told of a message, by the monotonic clock, and the trace that its record carries. */
export interface Heard {
  readonly traceparent: string
  readonly atMs: number
}

/** What one statement read of a room, for one user or for nobody in particular. */
export interface RoomRead {
  readonly exists: boolean
  readonly isPrivate: boolean
  readonly isMember: boolean
  readonly memberVersion: number
  readonly head: number
  readonly epoch: string
  /** Without a gap from the position asked for. */
  readonly rows: readonly Row[]
  /** The page is full: there can be more rows behind it. */
  readonly hasMore: boolean
}

/** What the log told of one message. */
export interface Hint {
  readonly seq: number
  /** Of the database that stored it; undefined where an earlier build did not say. */
  readonly epoch: string | undefined
  /** Undefined where the record could not be used. */
  readonly row: Row | undefined
}

/** What can happen to a room's state. Times are this process's monotonic milliseconds. */
export type RoomEvent<S extends Subscription> =
  | { readonly type: 'join'; readonly sub: S; readonly afterSeq: number | undefined; readonly nowMs: number }
  /** The answer to `readJoin` or `readPage`; `askedHead` is the room's `head` when it was asked, here and below. */
  | {
      readonly type: 'read'
      readonly sub: S
      readonly read: RoomRead
      readonly askedHead: number
      readonly askedAtMs: number
      readonly nowMs: number
    }
  | { readonly type: 'readFailed'; readonly sub: S }
  | { readonly type: 'leave'; readonly sub: S }
  /** Persisted messages were heard of, together: what can be delivered of them is, in one flush. */
  | { readonly type: 'messages'; readonly hints: readonly Hint[]; readonly nowMs: number }
  /** The answer to `readRows`. */
  | { readonly type: 'rows'; readonly read: RoomRead; readonly askedHead: number; readonly nowMs: number }
  | { readonly type: 'rowsFailed' }
  /** The sweep's look at the room. */
  | {
      readonly type: 'checked'
      readonly head: number
      readonly memberVersion: number
      readonly epoch: string
      readonly askedHead: number
      readonly askedAtMs: number
      readonly nowMs: number
    }
  /** The answer to `readMembers`, all of one statement. */
  | {
      readonly type: 'members'
      readonly version: number
      /** Those of the users in `asked` who are members. */
      readonly members: ReadonlySet<string>
      readonly asked: ReadonlySet<string>
      readonly head: number
      readonly epoch: string
      readonly askedHead: number
      readonly askedAtMs: number
      readonly nowMs: number
    }
  /** The signal of a removal. */
  | { readonly type: 'removed'; readonly userId: string; readonly memberVersion: number }
  /** The answer to `flush`; `behind` were skipped because too much waits in their sockets. */
  | { readonly type: 'flushed'; readonly behind: readonly S[]; readonly nowMs: number }

/** What a room's state asks its owner to do, in this order. */
export type RoomEffect<S extends Subscription> =
  /** Rows above `afterSeq` may be left out of the answer: a page brings them then. */
  | { readonly type: 'readJoin'; readonly sub: S; readonly afterSeq: number | undefined }
  /** Read on behind `afterSeq`, once what was written to the subscriber has drained. */
  | { readonly type: 'readPage'; readonly sub: S; readonly afterSeq: number }
  | { readonly type: 'readRows'; readonly afterSeq: number }
  /** Whether the users of all subscribers are members. */
  | { readonly type: 'readMembers' }
  | ({
      readonly type: 'joined'
      readonly sub: S
      readonly headSeq: number
      readonly epoch: string
    } & Recovery)
  | { readonly type: 'refused'; readonly sub: S; readonly code: FrameErrorCode }
  | { readonly type: 'write'; readonly sub: S; readonly rows: readonly Row[] }
  /** Write to those of `subs` that are still live when their slice comes. */
  | { readonly type: 'flush'; readonly subs: readonly S[]; readonly rows: readonly Row[] }
  | { readonly type: 'evicted'; readonly sub: S }
  /** The database is another one than before: what the sockets know of the room is void. */
  | { readonly type: 'restored'; readonly subs: readonly S[] }

export interface Recovery {
  readonly recovered?: boolean
  readonly reason?: 'too_far' | 'reset'
}
