import type { Message } from '@roomlog/protocol/wire'
import type { Send } from '../outbox/outbox-state.ts'

/** A room as it is shown: a new object whenever something of it changes. */
export interface TimelineSnapshot {
  /** A run of the room's log without a hole or a repeat, ascending. */
  readonly messages: readonly Message[]
  /** What is on its way, to be shown behind the messages; empty while the newest of them are not held. */
  readonly sends: readonly Send[]
  /** Whether there are older and newer messages than those held. */
  readonly hasOlder: boolean
  readonly hasNewer: boolean
  /** Whether a page is read that was asked for by `loadOlder`, `loadNewer` or `jumpTo`. */
  readonly isLoading: boolean
  /** False before the room's newest page has come for the first time, and again when its log was replaced. */
  readonly isLoaded: boolean
  /** Whether new messages come as they are stored; else the connection is away, or what was missed is being read. */
  readonly isLive: boolean
  /** False after the room was left, or the membership has ended. */
  readonly isMember: boolean
}

export interface TimelineEvents {
  /** The next messages of the log: each once, in its order, without a gap, from the room's newest page on. */
  readonly messages: readonly Message[]
  /** The log was replaced by another one: all that was told is void, and what is told next begins anew. */
  readonly reset: undefined
}
