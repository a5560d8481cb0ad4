import type { Tables } from '@roomlog/db'
import { type Logger, type Repeating, repeatEvery } from '@roomlog/service-kit'
import type { Kysely } from 'kysely'
import { checkRooms, type RoomReader } from '../rooms/room-reader.ts'

export type Membership = 'member' | 'not_a_member' | 'room_not_found'

interface RoomMembers {
  /** Of the oldest answer kept. */
  version: number
  /** When it was last known that nobody was removed since. */
  checkedAtMs: number
  usedAtMs: number
  readonly members: Map<string, Promise<Membership>>
}

const SWEEP_INTERVAL_MS = 2000
const SWEEP_SLICE = 1000
const UNUSED_MS = 60_000
/** How long a membership is believed while the database cannot be asked. */
const BELIEVED_MS = 60_000

/**
 * Who may send where, also without having joined: asked once, then kept while the room's membership version stands.
 * While the database is away known members go on for a minute.
 */
export class Memberships {
  readonly #db: Kysely<Tables>
  readonly #reader: RoomReader
  readonly #log: Logger
  readonly #rooms = new Map<string, RoomMembers>()
  readonly #sweeping: Repeating

  constructor(db: Kysely<Tables>, reader: RoomReader, log: Logger) {
    this.#db = db
    this.#reader = reader
    this.#log = log
    this.#sweeping = repeatEvery(SWEEP_INTERVAL_MS, () => this.#sweep())
  }

  stop(): Promise<void> {
    return this.#sweeping.stop()
  }

  /** Rejects with the driver's errors when it is not known and cannot be asked. */
  of(roomId: string, userId: string): Promise<Membership> {
    const room = this.#room(roomId)
    room.usedAtMs = performance.now()
    const known = room.members.get(userId)
    if (known !== undefined) return known
    const asked = this.#ask(roomId, userId, room)
    room.members.set(userId, asked)
    // Only a member is worth remembering: an outsider may join at any time.
    asked.then(
      (membership) => membership !== 'member' && room.members.delete(userId),
      () => room.members.delete(userId),
    )
    return asked
  }

  /** The user was removed: the next send asks. */
  forget(roomId: string, userId: string): void {
    this.#rooms.get(roomId)?.members.delete(userId)
  }

  #room(roomId: string): RoomMembers {
    const nowMs = performance.now()
    const known = this.#rooms.get(roomId)
    if (known !== undefined && nowMs - known.checkedAtMs < BELIEVED_MS) return known
    const made = {
      version: Number.POSITIVE_INFINITY,
      checkedAtMs: nowMs,
      usedAtMs: nowMs,
      members: new Map(),
    }
    this.#rooms.set(roomId, made)
    return made
  }

  async #ask(roomId: string, userId: string, room: RoomMembers): Promise<Membership> {
    const read = await this.#reader.read({ roomId, userId, afterSeq: null, maxMissing: 0 })
    room.version = Math.min(room.version, read.memberVersion)
    if (read.isMember) return 'member'
    return !read.exists || read.isPrivate ? 'room_not_found' : 'not_a_member'
  }

  async #sweep(): Promise<void> {
    const askedAtMs = performance.now()
    for (const [roomId, room] of this.#rooms) {
      if (askedAtMs - room.usedAtMs > UNUSED_MS) this.#rooms.delete(roomId)
    }
    const roomIds = [...this.#rooms.keys()]
    for (let from = 0; from < roomIds.length; from += SWEEP_SLICE) {
      try {
        for (const { roomId, memberVersion } of await checkRooms(
          this.#db,
          roomIds.slice(from, from + SWEEP_SLICE),
        )) {
          this.#checked(roomId, memberVersion, askedAtMs)
        }
      } catch (err) {
        this.#log.warn({ err }, 'memberships of senders could not be checked')
      }
    }
  }

  #checked(roomId: string, memberVersion: number, askedAtMs: number): void {
    const room = this.#rooms.get(roomId)
    if (room === undefined) return
    if (memberVersion > room.version) this.#rooms.delete(roomId)
    else room.checkedAtMs = askedAtMs
  }
}
