/** One connected socket of a user. Its presence lives 60 s from the last `connected` or `renewed`. */
export interface LiveSocket {
  readonly userId: string
  readonly socketId: string
}

/**
 * Who is online. A user is online while one of their sockets is live; each has its own expiry, so a live socket never
 * keeps a dead one's alive. Guarantees:
 *
 * - For each transition exactly one `presence` signal is published, in order, in the same step as the transition; also
 *   when the edge that held the sockets died. A user whose sockets all closed is looked at 10 s later, so a reload or a
 *   deploy says nothing.
 * - When the store is away no call hangs: each rejects within 500 ms with `LiveUnavailable`, and presence is `unknown`.
 *   The next renewals rebuild it.
 */
export interface Presence {
  connected(sockets: readonly LiveSocket[], roomsOf: RoomsOf): Promise<void>
  renewed(sockets: readonly LiveSocket[]): Promise<void>
  disconnected(sockets: readonly LiveSocket[]): Promise<void>
  /** Announces those who are due and have no live socket left. Every edge calls it each 5 s. */
  announceDue(roomsOf: RoomsOf): Promise<void>
  online(userIds: readonly string[]): Promise<ReadonlyMap<string, boolean>>
}

/** The rooms (of at most 500 members) whose members are told of a user's transition; one query for all users of a look. */
export type RoomsOf = (userIds: readonly string[]) => Promise<ReadonlyMap<string, readonly string[]>>

export type Signal =
  | {
      readonly type: 'presence'
      readonly userId: string
      readonly online: boolean
      readonly rooms: readonly string[]
      /** Rises with each transition of the user; one transition may come in several signals, a socket hears it once. */
      readonly transition: number
    }
  | { readonly type: 'typing'; readonly roomId: string; readonly userId: string; readonly isTyping: boolean }
  | {
      readonly type: 'readCursor'
      readonly roomId: string
      readonly userId: string
      readonly lastReadSeq: number
    }
  | {
      readonly type: 'memberRemoved'
      readonly roomId: string
      readonly userId: string
      readonly memberVersion: number
    }
  | { readonly type: 'memberAdded'; readonly roomId: string; readonly userId: string }
  | { readonly type: 'roomChanged'; readonly roomId: string }
  | {
      readonly type: 'sessionEnded'
      readonly userId: string
      readonly sessionId: string | null
      readonly deleted: boolean
    }

/** Where a signal goes: to who watches the room, to who watches the user, or (presence) to everybody. */
export type Channel =
  | { readonly kind: 'room'; readonly roomId: string }
  | { readonly kind: 'user'; readonly userId: string }

/**
 * Hints between processes, best effort: at most once, lost while the store is away, never an error for the caller's
 * work. What must not be lost stands in the database and is swept.
 */
export interface Signals {
  /** Resolves when handed over; rejects with `LiveUnavailable` within 500 ms when it cannot be. */
  publish(signal: Exclude<Signal, { type: 'presence' }>): Promise<void>
  /** All signals of watched channels, and presence. Listeners are called in the order of arrival and must not throw. */
  listen(listener: (signal: Signal) => void): () => void
  watch(channel: Channel): Promise<void>
  unwatch(channel: Channel): Promise<void>
}

/** Both ports come from one adapter: a presence transition and its signal are one step. */
export interface Live {
  readonly presence: Presence
  readonly signals: Signals
  /** Resolves when the store answers; rejects within 500 ms when not. */
  ping(): Promise<void>
  close(): Promise<void>
}

export class LiveUnavailable extends Error {
  override readonly name = 'LiveUnavailable'
}

/** The channels a signal is published on; who watches several of them can hear it more than once. Presence has its own. */
export function channelsOf(signal: Exclude<Signal, { type: 'presence' }>): readonly Channel[] {
  const room = (roomId: string): Channel => ({ kind: 'room', roomId })
  const user = (userId: string): Channel => ({ kind: 'user', userId })
  switch (signal.type) {
    case 'typing':
    case 'roomChanged':
      return [room(signal.roomId)]
    case 'memberRemoved':
    case 'readCursor':
      return [room(signal.roomId), user(signal.userId)]
    case 'memberAdded':
    case 'sessionEnded':
      return [user(signal.userId)]
  }
}
