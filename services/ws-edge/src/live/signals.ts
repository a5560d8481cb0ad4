import type { Channel, Live, Signal } from '@roomlog/live'
import type { Logger } from '@roomlog/service-kit'
import type { Rooms } from '../rooms/rooms.ts'
import type { Memberships } from '../sends/memberships.ts'
import { type Connection, encodeFrame } from '../sockets/connection.ts'
import type { Connections } from '../sockets/connections.ts'
import { TokenBuckets } from '../sockets/limits.ts'
import { PresenceFrames } from './presence-frames.ts'
import { RoomChanges } from './room-changes.ts'

export interface SignalHandlerOptions {
  readonly signals: Live['signals']
  readonly rooms: Rooms
  readonly connections: Connections
  readonly memberships: Memberships
  readonly log: Logger
}

const MAX_REMEMBERED = 1000
/** Of one user, with a burst: each is a call of the live store and a frame for every socket in the room, and one in 3 s is what clients tell. */
const [TYPING_PER_SECOND, TYPING_BURST] = [5, 20] as const

/** What other processes hint at, taken to the sockets here; and what the sockets here hint at, taken to others. */
export class SignalHandler {
  readonly #options: SignalHandlerOptions
  readonly #presence: PresenceFrames
  readonly #changes: RoomChanges
  /** The latest removal's version and read position of each room and user; the oldest first. */
  readonly #heardLast = new Map<string, number>()
  readonly #typists = new TokenBuckets(TYPING_PER_SECOND, TYPING_BURST)
  #stopListening: () => void = () => undefined

  constructor(options: SignalHandlerOptions) {
    this.#options = options
    this.#presence = new PresenceFrames(options.rooms)
    this.#changes = new RoomChanges((roomId) =>
      options.rooms.broadcast(roomId, encodeFrame({ type: 'roomChanged', roomId })),
    )
  }

  start(): void {
    this.#stopListening = this.#options.signals.listen((signal) => this.#heard(signal))
  }

  stop(): void {
    this.#stopListening()
    this.#changes.stop()
  }

  watch(channel: Channel): void {
    this.#options.signals.watch(channel).catch((err: unknown) => this.#missed(err))
  }

  unwatch(channel: Channel): void {
    this.#options.signals.unwatch(channel).catch((err: unknown) => this.#missed(err))
  }

  /** A user's first socket here brings the user's signals, the last one ends them. */
  opened({ userId }: Connection): void {
    if (this.#options.connections.ofUser(userId).size === 1) this.watch({ kind: 'user', userId })
  }

  closed({ userId }: Connection): void {
    if (this.#options.connections.ofUser(userId).size === 0) this.unwatch({ kind: 'user', userId })
  }

  /** What is too much of it is not told; it is forgotten after 6 s anyway. */
  typing(userId: string, roomId: string, isTyping: boolean): void {
    if (this.#typists.take(userId) > 0) return
    const signal = { type: 'typing', roomId, userId, isTyping } as const
    this.#options.signals.publish(signal).catch((err: unknown) => this.#missed(err))
  }

  #missed(err: unknown): void {
    this.#options.log.debug({ err }, 'a signal was lost')
  }

  #heard(signal: Signal): void {
    const { rooms, connections } = this.#options
    switch (signal.type) {
      case 'presence':
        this.#presence.tell(signal)
        break
      case 'typing':
        rooms.broadcast(signal.roomId, encodeFrame(signal), signal.userId)
        break
      case 'roomChanged':
        this.#changes.changed(signal.roomId)
        break
      case 'readCursor':
        this.#read(signal)
        break
      case 'memberAdded':
        for (const socket of connections.ofUser(signal.userId)) {
          socket.send({ type: 'roomAdded', roomId: signal.roomId })
        }
        break
      case 'memberRemoved':
        this.#removed(signal)
        break
      case 'sessionEnded':
        for (const socket of connections.ofUser(signal.userId)) {
          if (signal.deleted) socket.close('accountDeleted')
          else if (socket.sessionId === signal.sessionId || signal.sessionId === null)
            socket.close('unauthenticated')
        }
        break
    }
  }

  #read(signal: Extract<Signal, { type: 'readCursor' }>): void {
    if (this.#isRepeat(signal, signal.lastReadSeq)) return
    const { rooms, connections } = this.#options
    const frame = encodeFrame(signal)
    rooms.broadcast(signal.roomId, frame, signal.userId)
    // Own sockets in rooms of any size, joined or not.
    for (const socket of connections.ofUser(signal.userId)) socket.sendHint(frame)
  }

  #removed(signal: Extract<Signal, { type: 'memberRemoved' }>): void {
    const { roomId, userId, memberVersion } = signal
    const { rooms, connections, memberships } = this.#options
    if (this.#isRepeat(signal, memberVersion)) return
    memberships.forget(roomId, userId)
    const sockets = [...connections.ofUser(userId)]
    const inRoom = new Set(sockets.filter((socket) => socket.rooms.has(roomId)))
    rooms.removed(roomId, userId, memberVersion)
    // Who was evicted now was told with that; who is live all the same was let in after the removal.
    for (const socket of sockets) {
      const isTold = inRoom.has(socket) && !socket.rooms.has(roomId)
      if (!isTold && !rooms.isLive(socket, roomId)) socket.send({ type: 'removedFromRoom', roomId })
    }
  }

  /** What goes out on the room's channel and on the user's is heard twice where both are watched. */
  #isRepeat(
    { type, roomId, userId }: Extract<Signal, { roomId: string; userId: string }>,
    value: number,
  ): boolean {
    const key = `${type} ${roomId} ${userId}`
    if (this.#heardLast.get(key) === value) return true
    this.#heardLast.delete(key)
    this.#heardLast.set(key, value)
    const [oldest] = this.#heardLast.keys()
    if (this.#heardLast.size > MAX_REMEMBERED && oldest !== undefined) this.#heardLast.delete(oldest)
    return false
  }
}
