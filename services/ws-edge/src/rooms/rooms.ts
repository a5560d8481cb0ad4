import { MAX_LIVELY_MEMBERS } from '@roomlog/protocol'
import { type Repeating, repeatEvery } from '@roomlog/service-kit'
import { refOf } from '../frames/ref.ts'
import type { Connection } from '../sockets/connection.ts'
import type { LocalRoom, RoomSubscription } from './local-room.ts'
import type { Hint, RoomEffect, RoomEvent, Row } from './room-events.ts'
import { checkRooms } from './room-reads.ts'
import { RoomState } from './room-state.ts'
import { isBehind, RoomTasks, type RoomTasksOptions } from './room-tasks.ts'

/** A persisted message, stored in a database of that epoch. */
export interface HeardMessage extends Omit<Hint, 'row'> {
  /** Makes its row, and undefined where the record cannot be used; asked where nobody has it yet. */
  readonly row: () => Row | undefined
}

export interface RoomsOptions extends RoomTasksOptions {
  /** A room got its first local socket, or lost its last. */
  readonly onWatch: (roomId: string) => void
  readonly onUnwatch: (roomId: string) => void
}

const KEPT_BYTES_PER_ROOM = 64 * 1024
const KEPT_BYTES_PER_EDGE = 64 * 1024 * 1024
const SWEEP_INTERVAL_MS = 2000
const SWEEP_SLICE = 1000

const REFUSALS = {
  room_not_found: { message: 'no such room', retryable: false },
  not_a_member: { message: 'only members of the room may', retryable: false },
  unavailable: { message: 'the room cannot be read just now', retryable: true },
} as const

/** The rooms that have a socket here: runs what their states ask for, and feeds them what came of it. */
export class Rooms {
  readonly #options: RoomsOptions
  readonly #rooms = new Map<string, LocalRoom>()
  readonly #tasks: RoomTasks
  #sweeping: Repeating | undefined

  constructor(options: RoomsOptions) {
    this.#options = options
    this.#tasks = new RoomTasks(options, (room, event) => this.#feed(room, event))
  }

  get size(): number {
    return this.#rooms.size
  }

  start(): void {
    this.#sweeping = repeatEvery(SWEEP_INTERVAL_MS, () => this.#sweepAll())
  }

  async stop(): Promise<void> {
    await this.#sweeping?.stop()
  }

  has(roomId: string): boolean {
    return this.#rooms.has(roomId)
  }

  join(connection: Connection, roomId: string, afterSeq: number | undefined, ref: string | undefined): void {
    this.leave(connection, roomId)
    const sub: RoomSubscription = { roomId, connection, userId: connection.userId, ref }
    connection.rooms.set(roomId, sub)
    const room = this.#rooms.get(roomId) ?? this.#open(roomId)
    this.#feed(room, { type: 'join', sub, afterSeq, nowMs: performance.now() })
  }

  #open(roomId: string): LocalRoom {
    const state = new RoomState<RoomSubscription>({
      maxResume: this.#options.limits.maxResume,
      keptBytes: () => this.#keptBytes(),
      isBehind,
    })
    const room = { id: roomId, state, memberCount: 0 }
    this.#rooms.set(roomId, room)
    this.#options.onWatch(roomId)
    return room
  }

  leave(connection: Connection, roomId: string): void {
    const [sub, room] = [connection.rooms.get(roomId), this.#rooms.get(roomId)]
    if (sub === undefined) return
    connection.rooms.delete(roomId)
    if (room !== undefined) this.#feed(room, { type: 'leave', sub })
  }

  leaveAll(connection: Connection): void {
    for (const roomId of [...connection.rooms.keys()]) this.leave(connection, roomId)
  }

  readsOf(connection: Connection): number {
    return this.#tasks.readsOf(connection)
  }

  isLive(connection: Connection, roomId: string): boolean {
    const sub = connection.rooms.get(roomId)
    return sub !== undefined && this.#rooms.get(roomId)?.state.isLive(sub) === true
  }

  /** Persisted messages that were heard of together, in order. */
  messages(roomId: string, heard: readonly HeardMessage[]): void {
    const room = this.#rooms.get(roomId)
    if (room === undefined) return
    const hints = heard.map(({ seq, epoch, row }) => ({
      seq,
      epoch,
      row: seq > room.state.last ? row() : undefined,
    }))
    this.#feed(room, { type: 'messages', hints, nowMs: performance.now() })
  }

  removed(roomId: string, userId: string, memberVersion: number): void {
    const room = this.#rooms.get(roomId)
    if (room !== undefined) this.#feed(room, { type: 'removed', userId, memberVersion })
  }

  /** The live sockets of the room; none while it is not known who may be one. */
  *socketsOf(roomId: string): IterableIterator<Connection> {
    const room = this.#rooms.get(roomId)
    if (room === undefined || room.state.isStale(performance.now())) return
    for (const { connection } of room.state.live) yield connection
  }

  /** An encoded hint to every live socket of a room that is not too large for hints, but to those of `exceptUserId`. */
  broadcast(roomId: string, frame: Buffer, exceptUserId?: string): void {
    const room = this.#rooms.get(roomId)
    if (room === undefined || room.memberCount > MAX_LIVELY_MEMBERS) return
    for (const socket of this.socketsOf(roomId)) {
      if (socket.userId !== exceptUserId) socket.sendHint(frame)
    }
  }

  #feed(room: LocalRoom, event: RoomEvent<RoomSubscription>): void {
    // What returns to a state that is not current any more is thrown away.
    if (this.#rooms.get(room.id) !== room) return
    for (const effect of room.state.apply(event)) this.#run(room, effect)
    if (room.state.isEmpty && this.#rooms.get(room.id) === room) {
      this.#rooms.delete(room.id)
      this.#options.onUnwatch(room.id)
    }
  }

  #run(room: LocalRoom, effect: RoomEffect<RoomSubscription>): void {
    const roomId = room.id
    switch (effect.type) {
      case 'readJoin':
        this.#tasks.readJoin(room, effect.sub, effect.afterSeq)
        return
      case 'readPage':
        this.#tasks.readPage(room, effect.sub, effect.afterSeq)
        return
      case 'readRows':
        void this.#tasks.readRows(room, effect.afterSeq)
        return
      case 'readMembers':
        void this.#tasks.readMembers(room)
        return
      case 'joined': {
        const { type: _type, sub, ...answer } = effect
        sub.connection.send({ type: 'joinedRoom', roomId, ...answer, ...refOf(sub) })
        sub.ref = undefined
        return
      }
      case 'refused': {
        const code = effect.code as keyof typeof REFUSALS
        this.#drop(effect.sub)
        effect.sub.connection.send({ type: 'error', code, roomId, ...REFUSALS[code], ...refOf(effect.sub) })
        if (code !== 'unavailable')
          this.#options.log.info({ ...effect.sub.connection.by, roomId, code }, 'join denied')
        return
      }
      case 'write':
        effect.sub.connection.write(effect.rows.map(({ frame }) => frame))
        return
      case 'flush':
        void this.#tasks.flush(room, effect.subs, effect.rows)
        return
      case 'evicted':
        this.#drop(effect.sub)
        effect.sub.connection.send({ type: 'removedFromRoom', roomId })
        return
      case 'restored':
        this.#options.log.error({ roomId }, 'the database was restored: sockets start anew')
        for (const sub of effect.subs) sub.connection.close('restart')
        return
    }
  }

  #drop(sub: RoomSubscription): void {
    if (sub.connection.rooms.get(sub.roomId) === sub) sub.connection.rooms.delete(sub.roomId)
  }

  async #sweepAll(): Promise<void> {
    const roomIds = [...this.#rooms.keys()]
    for (let from = 0; from < roomIds.length; from += SWEEP_SLICE) {
      const slice = roomIds.slice(from, from + SWEEP_SLICE)
      await this.#sweepSlice(slice).catch((err: unknown) =>
        this.#options.log.warn({ err, rooms: slice.length }, 'rooms could not be checked'),
      )
    }
  }

  async #sweepSlice(roomIds: readonly string[]): Promise<void> {
    const askedAtMs = performance.now()
    const asked = new Map(
      roomIds.flatMap((id) => {
        const room = this.#rooms.get(id)
        return room === undefined ? [] : [[id, { room, askedHead: room.state.head }] as const]
      }),
    )
    for (const { roomId, memberCount, ...check } of await checkRooms(this.#options.db, roomIds)) {
      const of = asked.get(roomId)
      if (of === undefined) continue
      const { room, askedHead } = of
      room.memberCount = memberCount
      this.#feed(room, { type: 'checked', ...check, askedHead, askedAtMs, nowMs: performance.now() })
    }
  }

  #keptBytes(): number {
    return Math.min(KEPT_BYTES_PER_ROOM, KEPT_BYTES_PER_EDGE / Math.max(1, this.#rooms.size))
  }
}
