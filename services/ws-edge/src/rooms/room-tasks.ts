import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Tables } from '@roomlog/db'
import { createdAtOfFrame } from '@roomlog/events'
import type { Limits } from '@roomlog/protocol'
import type { Logger } from '@roomlog/service-kit'
import type { Kysely } from 'kysely'
import type { EdgeMetrics } from '../metrics.ts'
import { BEHIND_BYTES, type Connection } from '../sockets/connection.ts'
import { joined } from '../sockets/wire-frame.ts'
import type { EdgeTraces } from '../traces.ts'
import type { LocalRoom, RoomSubscription } from './local-room.ts'
import { PageTurns } from './page-turns.ts'
import type { RoomEvent, Row } from './room-events.ts'
import type { RoomReader } from './room-reader.ts'
import { type ReadRequest, readMembers } from './room-reads.ts'

export interface RoomTasksOptions {
  readonly db: Kysely<Tables>
  readonly reader: Pick<RoomReader, 'read'>
  readonly limits: Limits
  readonly metrics: Pick<EdgeMetrics, 'acceptedToDelivered' | 'gapFills'>
  readonly traces?: EdgeTraces | undefined
  readonly log: Logger
}

/** Sockets written in one turn of the event loop. */
const SLICE = 1000
const UNLIMITED = Number.MAX_SAFE_INTEGER

/** What rooms' states ask for that takes time: reads, and writing to many sockets. What came of it is fed back to them. */
export class RoomTasks {
  readonly #options: RoomTasksOptions
  readonly #feed: (room: LocalRoom, event: RoomEvent<RoomSubscription>) => void
  readonly #turns = new PageTurns<Connection>()
  /** Reads for a socket that are under way or in line. */
  readonly #reads = new WeakMap<Connection, number>()

  constructor(
    options: RoomTasksOptions,
    feed: (room: LocalRoom, event: RoomEvent<RoomSubscription>) => void,
  ) {
    this.#options = options
    this.#feed = feed
  }

  /** With rows where no other room of the socket reads some; else they come as a page. */
  readJoin(room: LocalRoom, sub: RoomSubscription, afterSeq: number | undefined): void {
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
  readPage(room: LocalRoom, sub: RoomSubscription, afterSeq: number): void {
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

  async #read(room: LocalRoom, sub: RoomSubscription, request: ReadRequest): Promise<void> {
    const [askedHead, askedAtMs] = [room.state.head, performance.now()]
    this.#countRead(sub.connection, 1)
    try {
      const read = await this.#options.reader.read(request).finally(() => this.#countRead(sub.connection, -1))
      room.memberCount = read.memberCount
      this.#feed(room, {
        type: 'read',
        sub,
        read,
        askedHead,
        askedAtMs,
        nowMs: performance.now(),
      })
    } catch (err) {
      this.#options.log.warn({ err, roomId: sub.roomId }, 'a join could not be read')
      this.#feed(room, { type: 'readFailed', sub })
    }
  }

  readsOf(connection: Connection): number {
    return this.#reads.get(connection) ?? 0
  }

  #countRead(connection: Connection, change: 1 | -1): void {
    this.#reads.set(connection, this.readsOf(connection) + change)
  }

  async readRows(room: LocalRoom, afterSeq: number): Promise<void> {
    const roomId = room.id
    const askedHead = room.state.head
    this.#options.metrics.gapFills.inc()
    try {
      const read = await this.#options.reader.read({ roomId, userId: null, afterSeq, maxMissing: UNLIMITED })
      this.#feed(room, { type: 'rows', read, askedHead, nowMs: performance.now() })
    } catch (err) {
      this.#options.log.warn({ err, roomId }, 'a gap could not be read; the sweep comes back to it')
      this.#feed(room, { type: 'rowsFailed' })
    }
  }

  async readMembers(room: LocalRoom): Promise<void> {
    const roomId = room.id
    const [askedHead, askedAtMs] = [room.state.head, performance.now()]
    try {
      const asked = new Set(room.state.subscribers.map(({ userId }) => userId))
      const read = await readMembers(this.#options.db, roomId, [...asked])
      this.#feed(room, {
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
  async flush(room: LocalRoom, subs: readonly RoomSubscription[], rows: readonly Row[]): Promise<void> {
    const frames = [joined(rows.map(({ frame }) => frame))]
    const behind: RoomSubscription[] = []
    let written = 0
    let isStale = false
    for (const [index, sub] of subs.entries()) {
      if (index > 0 && index % SLICE === 0) {
        await nextTurn()
        // Who is left, as in a process that stood still, catches up by reads, which look at the membership.
        isStale = room.state.isStale(performance.now())
      }
      if (!room.state.isLive(sub)) continue
      if (isStale || isBehind(sub)) behind.push(sub)
      else {
        sub.connection.write(frames)
        written += 1
      }
    }
    this.#observeDelivery(rows)
    this.#options.traces?.delivered(room.id, rows, written)
    // Not within the state's own step.
    queueMicrotask(() => this.#feed(room, { type: 'flushed', behind, nowMs: performance.now() }))
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
}

export function isBehind({ connection }: RoomSubscription): boolean {
  return connection.unsentBytes > BEHIND_BYTES
}
