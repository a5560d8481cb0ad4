import type { ClientFrame, Limits, Room, ServerFrame } from '@roomlog/protocol/wire'
import type { Api } from '../api.ts'
import type { Platform } from '../platform/platform.ts'
import { Cell, type Value } from '../platform/value.ts'
import { codeOf, isRetryable } from '../session/errors.ts'
import type { Timeline } from '../timeline/timeline.ts'
import { type RoomList, type RoomListEvent, stepRoomList } from './room-list.ts'

const PAGE_LIMIT = 100
const RETRY_MS = 1000
const RETRY_MAX_MS = 20_000

export interface RoomsOptions {
  readonly platform: Platform
  readonly api: Api
  readonly write: (frame: ClientFrame) => void
  /** The room's timeline, if one is open: it joins by itself. */
  readonly followed: (roomId: string) => Timeline | undefined
}

/** The user's rooms: read ahead, then at each connect, all of them joined, kept up with what the edge says. */
export class Rooms {
  readonly #options: RoomsOptions
  readonly #list = new Cell<RoomList>(new Map())
  /** Another one for each connection: what was asked over one before is not for the next. */
  #round: object | undefined
  #epoch: string | undefined
  /** As they were read before any welcome, of whichever epoch; undefined before that is asked for. */
  #ahead: ReadonlySet<Room> | undefined

  constructor(options: RoomsOptions) {
    this.#options = options
  }

  get list(): Value<RoomList> {
    return this.#list
  }

  feed(event: RoomListEvent): void {
    this.#list.set(stepRoomList(this.#list.get(), event))
  }

  /** While a user's first socket opens. What changes until it is open nobody tells: it is read again after the welcome. */
  async readAhead(): Promise<void> {
    if (this.#ahead !== undefined) return
    this.#ahead = new Set()
    const before = this.#list.get()
    try {
      const rooms = await this.#readAll()
      // Else somebody else may be signed in, or what is known is newer.
      if (before !== this.#list.get()) return
      this.#ahead = new Set(rooms)
      this.feed({ type: 'listed', rooms })
    } catch {
      // After the welcome it is asked for all the same.
    }
  }

  /** Somebody else may sign in. */
  forget(): void {
    this.#ahead = undefined
    this.feed({ type: 'reset' })
  }

  connected(epoch: string, limits: Limits): void {
    if (this.#epoch !== undefined && this.#epoch !== epoch) this.feed({ type: 'reset' })
    this.#epoch = epoch
    const round = {}
    this.#round = round
    void this.#load(round, limits)
  }

  lost(): void {
    this.#round = undefined
  }

  /** A frame that is about a room, or about membership. */
  received(frame: ServerFrame, userId: string | undefined): void {
    switch (frame.type) {
      case 'joinedRoom':
      case 'newMessage':
        this.feed(frame)
        return
      case 'readCursor':
        if (frame.userId === userId) this.feed({ ...frame, type: 'readUpTo' })
        return
      case 'removedFromRoom':
        this.feed({ ...frame, type: 'removed' })
        return
      case 'roomAdded':
      case 'roomChanged':
        void this.readAgain(frame.roomId)
        return
    }
  }

  /** One's own room, made or joined just now. */
  entered(room: Room): Room {
    const isNew = !this.#list.get().has(room.id)
    this.feed({ type: 'read', room })
    this.#tellMember(room)
    if (isNew) this.#join([room])
    return room
  }

  async readAgain(roomId: string): Promise<void> {
    const round = this.#round
    try {
      const room = await this.#options.api.room(roomId)
      if (round === this.#round) this.entered(room)
    } catch (error) {
      if (round !== this.#round || round === undefined) return
      const code = codeOf(error)
      if (code === 'not_a_member' || code === 'room_not_found') this.feed({ type: 'removed', roomId })
      else if (isRetryable(error)) this.#later(RETRY_MS, () => this.readAgain(roomId))
    }
  }

  async #load(round: object, limits: Limits, waitMs = RETRY_MS): Promise<void> {
    try {
      const rooms = await this.#readAll()
      if (round !== this.#round) return
      this.feed({ type: 'listed', rooms, ahead: this.#ahead })
      for (const room of rooms) this.#tellMember(room)
      this.#join(rooms.slice(0, limits.maxRoomsPerSocket), limits.maxRoomsPerJoin)
    } catch (error) {
      if (round !== this.#round || !isRetryable(error)) return
      this.#later(waitMs, () => this.#load(round, limits, Math.min(waitMs * 2, RETRY_MAX_MS)))
    }
  }

  async #readAll(): Promise<readonly Room[]> {
    const all: Room[] = []
    let cursor: string | undefined
    do {
      const { rooms, nextCursor } = await this.#options.api.rooms({ cursor, limit: PAGE_LIMIT })
      all.push(...rooms)
      cursor = nextCursor ?? undefined
    } while (cursor !== undefined)
    return all
  }

  #tellMember({ id }: Room): void {
    this.#options.followed(id)?.feed({ type: 'entered' })
  }

  /** From the head on: what came before is in the list. */
  #join(members: readonly Room[], atOnce = PAGE_LIMIT): void {
    const others = members.filter(({ id }) => this.#options.followed(id) === undefined)
    for (let from = 0; from < others.length; from += atOnce) {
      const rooms = others.slice(from, from + atOnce).map(({ id }) => ({ roomId: id }))
      this.#options.write({ type: 'joinRooms', ref: 'list', rooms })
    }
  }

  #later(ms: number, act: () => Promise<void>): void {
    const { setTimeout, random } = this.#options.platform
    setTimeout(() => void act(), ms * (0.5 + random() / 2))
  }
}
