import type { Signal } from '@roomlog/live'
import type { Rooms } from '../rooms/rooms.ts'
import { type Connection, encodeFrame } from '../sockets/connection.ts'

type PresenceSignal = Extract<Signal, { readonly type: 'presence' }>

interface Told {
  readonly transition: number
  readonly atMs: number
  readonly sockets: Set<Connection>
}

/** How long the parts of one transition may take to arrive. */
const REMEMBERED_MS = 10_000

/** Hands each transition to a socket once: it may come in several signals, and a socket may be in several of its rooms. */
export class PresenceFrames {
  readonly #rooms: Rooms
  /** By user, the oldest first. */
  readonly #told = new Map<string, Told>()

  constructor(rooms: Rooms) {
    this.#rooms = rooms
  }

  tell({ userId, online, rooms, transition }: PresenceSignal): void {
    const told = this.#toldOf(userId, transition)
    const frame = encodeFrame({ type: 'presence', userId, online })
    for (const roomId of rooms) {
      for (const socket of this.#rooms.socketsOf(roomId)) {
        if (told.has(socket)) continue
        told.add(socket)
        socket.sendHint(frame)
      }
    }
  }

  #toldOf(userId: string, transition: number): Set<Connection> {
    const nowMs = performance.now()
    for (const [user, { atMs }] of this.#told) {
      if (nowMs - atMs < REMEMBERED_MS) break
      this.#told.delete(user)
    }
    const known = this.#told.get(userId)
    // Another number is another transition, also a lower one: a store that lost its data counts anew.
    if (known?.transition === transition) return known.sockets
    const sockets = new Set<Connection>()
    this.#told.delete(userId)
    this.#told.set(userId, { transition, atMs: nowMs, sockets })
    return sockets
  }
}
