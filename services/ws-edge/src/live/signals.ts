import type { Channel, Live, Signal } from '@roomlog/live'
import type { Logger } from '@roomlog/service-kit'
import type { Rooms } from '../rooms/rooms.ts'
import type { Memberships } from '../sends/memberships.ts'
import type { Connection } from '../sockets/connection.ts'
import type { Connections } from '../sockets/connections.ts'
import { PresenceFrames } from './presence-frames.ts'

export interface SignalHandlerOptions {
  readonly signals: Live['signals']
  readonly rooms: Rooms
  readonly connections: Connections
  readonly memberships: Memberships
  readonly log: Logger
}

const MAX_REMEMBERED = 1000

/** What other processes hint at, taken to the sockets here; and what the sockets here hint at, taken to others. */
export class SignalHandler {
  readonly #options: SignalHandlerOptions
  readonly #presence: PresenceFrames
  /** Versions of the latest removals, by room and user; the oldest first. */
  readonly #removals = new Map<string, number>()
  #stopListening: () => void = () => undefined

  constructor(options: SignalHandlerOptions) {
    this.#options = options
    this.#presence = new PresenceFrames(options.rooms)
  }

  start(): void {
    this.#stopListening = this.#options.signals.listen((signal) => this.#heard(signal))
  }

  stop(): void {
    this.#stopListening()
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

  typing(userId: string, roomId: string, isTyping: boolean): void {
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
        rooms.broadcast(signal.roomId, signal, signal.userId)
        break
      case 'roomChanged':
        rooms.broadcast(signal.roomId, signal)
        break
      case 'readCursor':
        // Heard on the room's channel and on the reader's: own sockets are told by the second, in rooms of any size.
        rooms.broadcast(signal.roomId, signal, signal.userId)
        for (const socket of connections.ofUser(signal.userId)) socket.sendHint(signal)
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

  #removed({ roomId, userId, memberVersion }: Extract<Signal, { type: 'memberRemoved' }>): void {
    const { rooms, connections, memberships } = this.#options
    // It is heard on the room's channel and on the user's.
    if (this.#isKnown(`${roomId} ${userId}`, memberVersion)) return
    memberships.forget(roomId, userId)
    const sockets = [...connections.ofUser(userId)]
    const inRoom = new Set(sockets.filter((socket) => socket.rooms.has(roomId)))
    rooms.removed(roomId, userId, memberVersion)
    // Who was evicted now was told with that.
    for (const socket of sockets) {
      const isTold = inRoom.has(socket) && !socket.rooms.has(roomId)
      if (!isTold) socket.send({ type: 'removedFromRoom', roomId })
    }
  }

  #isKnown(key: string, version: number): boolean {
    if (this.#removals.get(key) === version) return true
    this.#removals.delete(key)
    this.#removals.set(key, version)
    const [oldest] = this.#removals.keys()
    if (this.#removals.size > MAX_REMEMBERED && oldest !== undefined) this.#removals.delete(oldest)
    return false
  }
}
