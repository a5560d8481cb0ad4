import type { Tables } from '@roomlog/db'
import { type Logger, type Repeating, repeatEvery } from '@roomlog/service-kit'
import type { Kysely } from 'kysely'
import type { RoomReader } from '../rooms/room-reader.ts'
import { checkRooms, type RoomCheck } from '../rooms/room-reads.ts'

export type Membership = 'member' | 'not_a_member' | 'room_not_found'

interface RoomMembers {
  /** Of the oldest answer kept. */
  version: number
  /** Of the database that answered; undefined before the first answer. */
  epoch: string | undefined
  /** When it was last known that nobody was removed since. */
  checkedAtMs: number
  usedAtMs: number
  /** Who is one, and who is asked about. */
  readonly members: Map<string, 'member' | Promise<Membership>>
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

  /** Rooms of which something is kept. */
  get size(): number {
    return this.#rooms.size
  }

  stop(): Promise<void> {
    return this.#sweeping.stop()
  }

  /** At once when it is known. Rejects with the driver's errors when it is not, and cannot be asked. */
  of(roomId: string, userId: string): Membership | Promise<Membership> {
    const room = this.#room(roomId)
    room.usedAtMs = performance.now()
    const known = room.members.get(userId)
    if (known !== undefined) return known
    const asked = this.#ask(roomId, userId, room)
    room.members.set(userId, asked)
    // Only a member is worth remembering: an outsider may join at any time, and name any room. And only who was not
    // removed meanwhile.
    const settle = (membership?: Membership) => {
      if (room.members.get(userId) !== asked) return
      if (membership === 'member') {
        room.members.set(userId, membership)
        return
      }
      room.members.delete(userId)
      if (room.members.size === 0 && this.#rooms.get(roomId) === room) this.#rooms.delete(roomId)
    }
    asked.then(settle, () => settle())
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
      epoch: undefined,
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
    room.epoch ??= read.epoch
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
        const slice = roomIds.slice(from, from + SWEEP_SLICE)
        for (const check of await checkRooms(this.#db, slice)) this.#checked(check, askedAtMs)
      } catch (err) {
        this.#log.warn({ err }, 'memberships of senders could not be checked')
      }
    }
  }

  #checked({ roomId, memberVersion, epoch }: RoomCheck, askedAtMs: number): void {
    const room = this.#rooms.get(roomId)
    if (room === undefined) return
    const isRestored = room.epoch !== undefined && room.epoch !== epoch
    if (isRestored || memberVersion > room.version) this.#rooms.delete(roomId)
    else room.checkedAtMs = askedAtMs
  }
}
