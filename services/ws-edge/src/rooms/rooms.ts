import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Tables } from '@roomlog/db'
import { createdAtOfFrame } from '@roomlog/events'
import { type Limits, MAX_LIVELY_MEMBERS } from '@roomlog/protocol'
import { type Logger, type Repeating, repeatEvery } from '@roomlog/service-kit'
import type { Kysely } from 'kysely'
import { refOf } from '../frames/ref.ts'
import type { EdgeMetrics } from '../metrics.ts'
import { BEHIND_BYTES, type Connection } from '../sockets/connection.ts'
import { joined } from '../sockets/wire-frame.ts'
import type { EdgeTraces } from '../traces.ts'
import { PageTurns } from './page-turns.ts'
import type { Hint, RoomEffect, RoomEvent, Row, Subscription } from './room-events.ts'
import { checkRooms, type ReadRequest, type RoomReader, readMembers } from './room-reader.ts'
import { RoomState } from './room-state.ts'

/** A join of a connection. */
export interface RoomSubscription extends Subscription {
  readonly roomId: string
  readonly connection: Connection
  /** The client's own mark on its join, given back with the answer. */
  ref: string | undefined
}

/** A persisted message, stored in a database of that epoch. */
export interface HeardMessage extends Omit<Hint, 'row'> {
  /** Makes its row, and undefined where the record cannot be used; asked where nobody has it yet. */
  readonly row: () => Row | undefined
}

export interface RoomsOptions {
  readonly db: Kysely<Tables>
  readonly reader: Pick<RoomReader, 'read'>
  readonly limits: Limits
  readonly metrics: Pick<EdgeMetrics, 'acceptedToDelivered' | 'gapFills'>
  readonly traces?: EdgeTraces | undefined
  readonly log: Logger
  /** A room got its first local socket, or lost its last. */
  readonly onWatch: (roomId: string) => void
  readonly onUnwatch: (roomId: string) => void
}

type Room = RoomState<RoomSubscription>
type Effect = RoomEffect<RoomSubscription>

const KEPT_BYTES_PER_ROOM = 64 * 1024
const KEPT_BYTES_PER_EDGE = 64 * 1024 * 1024
/** Sockets written in one turn of the event loop. */
const SLICE = 1000
const SWEEP_INTERVAL_MS = 2000
const SWEEP_SLICE = 1000
const UNLIMITED = Number.MAX_SAFE_INTEGER

const REFUSALS = {
  room_not_found: { message: 'no such room', retryable: false },
  not_a_member: { message: 'only members of the room may', retryable: false },
  unavailable: { message: 'the room cannot be read just now', retryable: true },
} as const

/** The rooms that have a socket here: runs what their states ask for, and feeds them what came of it. */
export class Rooms {
  readonly #options: RoomsOptions
  readonly #rooms = new Map<string, Room>()
  readonly #turns = new PageTurns<Connection>()
  /** As of the latest read. */
  readonly #memberCounts = new WeakMap<Room, number>()
  /** Reads for a socket that are under way or in line. */
  readonly #reads = new WeakMap<Connection, number>()
  #sweeping: Repeating | undefined

  constructor(options: RoomsOptions) {
    this.#options = options
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
    let room = this.#rooms.get(roomId)
    if (room === undefined) {
      room = new RoomState({
        maxResume: this.#options.limits.maxResume,
        keptBytes: () => this.#keptBytes(),
        isBehind,
      })
      this.#rooms.set(roomId, room)
      this.#options.onWatch(roomId)
    }
    this.#feed(roomId, room, { type: 'join', sub, afterSeq, nowMs: performance.now() })
  }

  leave(connection: Connection, roomId: string): void {
    const [sub, room] = [connection.rooms.get(roomId), this.#rooms.get(roomId)]
    if (sub === undefined) return
    connection.rooms.delete(roomId)
    if (room !== undefined) this.#feed(roomId, room, { type: 'leave', sub })
  }

  leaveAll(connection: Connection): void {
    for (const roomId of [...connection.rooms.keys()]) this.leave(connection, roomId)
  }

  readsOf(connection: Connection): number {
    return this.#reads.get(connection) ?? 0
  }

  isLive(connection: Connection, roomId: string): boolean {
    const sub = connection.rooms.get(roomId)
    return sub !== undefined && this.#rooms.get(roomId)?.isLive(sub) === true
  }

  /** Persisted messages that were heard of together, in order. */
  messages(roomId: string, heard: readonly HeardMessage[]): void {
    const room = this.#rooms.get(roomId)
    if (room === undefined) return
    const hints = heard.map(({ seq, epoch, row }) => ({
      seq,
      epoch,
      row: seq > room.last ? row() : undefined,
    }))
    this.#feed(roomId, room, { type: 'messages', hints, nowMs: performance.now() })
  }

  removed(roomId: string, userId: string, memberVersion: number): void {
    const room = this.#rooms.get(roomId)
    if (room !== undefined) this.#feed(roomId, room, { type: 'removed', userId, memberVersion })
  }

  /** The live sockets of the room; none while it is not known who may be one. */
  *socketsOf(roomId: string): IterableIterator<Connection> {
    const room = this.#rooms.get(roomId)
    if (room === undefined || room.isStale(performance.now())) return
    for (const { connection } of room.live) yield connection
  }

  /** An encoded hint to every live socket of a room that is not too large for hints, but to those of `exceptUserId`. */
  broadcast(roomId: string, frame: Buffer, exceptUserId?: string): void {
    const room = this.#rooms.get(roomId)
    if (room === undefined || (this.#memberCounts.get(room) ?? 0) > MAX_LIVELY_MEMBERS) return
    for (const socket of this.socketsOf(roomId)) {
      if (socket.userId !== exceptUserId) socket.sendHint(frame)
    }
  }

  #feed(roomId: string, room: Room, event: RoomEvent<RoomSubscription>): void {
    // What returns to a state that is not current any more is thrown away.
    if (this.#rooms.get(roomId) !== room) return
    for (const effect of room.apply(event)) this.#run(roomId, room, effect)
    if (room.isEmpty && this.#rooms.get(roomId) === room) {
      this.#rooms.delete(roomId)
      this.#options.onUnwatch(roomId)
    }
  }

  #run(roomId: string, room: Room, effect: Effect): void {
    switch (effect.type) {
      case 'readJoin':
        this.#readJoin(room, effect.sub, effect.afterSeq)
        return
      case 'readPage':
        this.#readPage(room, effect.sub, effect.afterSeq)
        return
      case 'readRows':
        this.#options.metrics.gapFills.inc()
        void this.#readRows(roomId, room, effect.afterSeq)
        return
      case 'readMembers':
        void this.#readMembers(roomId, room)
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
        return
      }
      case 'write':
        effect.sub.connection.write(effect.rows.map(({ frame }) => frame))
        return
      case 'flush':
        void this.#flush(roomId, room, effect.subs, effect.rows)
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

  /** With rows where no other room of the socket reads some; else they come as a page. */
  #readJoin(room: Room, sub: RoomSubscription, afterSeq: number | undefined): void {
    const { roomId, userId, connection } = sub
    const maxMissing = this.#options.limits.maxResume
    if (afterSeq === undefined || isBehind(sub) || !this.#turns.take(connection)) {
      void this.#read(room, sub, { roomId, userId, afterSeq: null, maxMissing })
      return
    }
    void this.#read(room, sub, { roomId, userId, afterSeq, maxMissing }).finally(() =>
      this.#turns.pass(connection),
    )
  }

  /** In its turn, and after what was written before has left: a socket never holds more than one page. */
  #readPage(room: Room, sub: RoomSubscription, afterSeq: number): void {
    const { roomId, userId, connection } = sub
    const read = () => {
      // Who left meanwhile only passes the turn on.
      const isThere = connection.rooms.get(roomId) === sub
      const request = { roomId, userId, afterSeq, maxMissing: UNLIMITED }
      const done = isThere ? this.#read(room, sub, request) : Promise.resolve()
      void done.finally(() => this.#turns.pass(connection))
    }
    this.#turns.wait(connection, roomId, () => {
      if (connection.unsentBytes === 0) read()
      else connection.afterDrain(read)
    })
  }

  async #read(room: Room, sub: RoomSubscription, request: ReadRequest): Promise<void> {
    const [askedHead, askedAtMs] = [room.head, performance.now()]
    this.#countRead(sub.connection, 1)
    try {
      const read = await this.#options.reader.read(request).finally(() => this.#countRead(sub.connection, -1))
      this.#memberCounts.set(room, read.memberCount)
      this.#feed(sub.roomId, room, {
        type: 'read',
        sub,
        read,
        askedHead,
        askedAtMs,
        nowMs: performance.now(),
      })
    } catch (err) {
      this.#options.log.warn({ err, roomId: sub.roomId }, 'a join could not be read')
      this.#feed(sub.roomId, room, { type: 'readFailed', sub })
    }
  }

  #countRead(connection: Connection, change: 1 | -1): void {
    this.#reads.set(connection, this.readsOf(connection) + change)
  }

  async #readRows(roomId: string, room: Room, afterSeq: number): Promise<void> {
    const askedHead = room.head
    try {
      const read = await this.#options.reader.read({ roomId, userId: null, afterSeq, maxMissing: UNLIMITED })
      this.#feed(roomId, room, { type: 'rows', read, askedHead, nowMs: performance.now() })
    } catch (err) {
      this.#options.log.warn({ err, roomId }, 'a gap could not be read; the sweep comes back to it')
      this.#feed(roomId, room, { type: 'rowsFailed' })
    }
  }

  async #readMembers(roomId: string, room: Room): Promise<void> {
    const [askedHead, askedAtMs] = [room.head, performance.now()]
    try {
      const asked = new Set(room.subscribers.map(({ userId }) => userId))
      const read = await readMembers(this.#options.db, roomId, [...asked])
      this.#feed(roomId, room, {
        type: 'members',
        ...read,
        asked,
        askedHead,
        askedAtMs,
        nowMs: performance.now(),
      })
    } catch (err) {
      this.#options.log.warn({ err, roomId }, 'members could not be read; the next sweep does')
    }
  }

  /** Serves who is live at the start and still is when the slice comes; large rooms leave turns to others between. */
  async #flush(
    roomId: string,
    room: Room,
    subs: readonly RoomSubscription[],
    rows: readonly Row[],
  ): Promise<void> {
    const frames = [joined(rows.map(({ frame }) => frame))]
    const behind: RoomSubscription[] = []
    let written = 0
    for (const [index, sub] of subs.entries()) {
      if (index > 0 && index % SLICE === 0) await nextTurn()
      if (!room.isLive(sub)) continue
      if (isBehind(sub)) behind.push(sub)
      else {
        sub.connection.write(frames)
        written += 1
      }
    }
    this.#observeDelivery(rows)
    this.#options.traces?.delivered(roomId, rows, written)
    // Not within the state's own step.
    queueMicrotask(() => this.#feed(roomId, room, { type: 'flushed', behind, nowMs: performance.now() }))
  }

  #observeDelivery(rows: readonly Row[]): void {
    const nowMs = Date.now()
    for (const { frame } of rows) {
      const createdAtMs = createdAtOfFrame(frame)
      if (createdAtMs === undefined) continue
      // Clocks differ: one that is ahead must not count backwards.
      this.#options.metrics.acceptedToDelivered.observe(Math.max(0, nowMs - createdAtMs) / 1000)
    }
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
        return room === undefined ? [] : [[id, { room, askedHead: room.head }] as const]
      }),
    )
    for (const { roomId, memberCount, ...check } of await checkRooms(this.#options.db, roomIds)) {
      const of = asked.get(roomId)
      if (of === undefined) continue
      const { room, askedHead } = of
      this.#memberCounts.set(room, memberCount)
      this.#feed(roomId, room, { type: 'checked', ...check, askedHead, askedAtMs, nowMs: performance.now() })
    }
  }

  #keptBytes(): number {
    return Math.min(KEPT_BYTES_PER_ROOM, KEPT_BYTES_PER_EDGE / Math.max(1, this.#rooms.size))
  }
}

function isBehind({ connection }: RoomSubscription): boolean {
  return connection.unsentBytes > BEHIND_BYTES
}
