import { type Joining, type RoomAudience, STALE_AFTER_MS } from './room-audience.ts'
import type { Recovery, RoomEffect, RoomEvent, RoomRead, Subscription } from './room-events.ts'
import type { RoomStream } from './room-stream.ts'

export interface RoomJoinsOptions<S extends Subscription> {
  /** Missed messages that a join delivers; a room further behind than this starts anew at its head. */
  readonly maxResume: number
  /** So much waits in its socket that it is to catch up by pages, each read after the one before has drained. */
  readonly isBehind: (sub: S) => boolean
}

/** The way of a subscriber from its join to `last`, where it is live: by pages of its own. */
export class RoomJoins<S extends Subscription> {
  readonly #options: RoomJoinsOptions<S>
  readonly #stream: RoomStream
  readonly #audience: RoomAudience<S>
  readonly #do: (effect: RoomEffect<S>) => void

  constructor(
    options: RoomJoinsOptions<S>,
    room: {
      readonly stream: RoomStream
      readonly audience: RoomAudience<S>
      readonly do: (effect: RoomEffect<S>) => void
    },
  ) {
    this.#options = options
    this.#stream = room.stream
    this.#audience = room.audience
    this.#do = room.do
  }

  join(sub: S, afterSeq: number | undefined, nowMs: number): void {
    if (this.#stream.hasBegun && this.#audience.isStale(nowMs)) {
      this.#do({ type: 'refused', sub, code: 'unavailable' })
      return
    }
    this.#ask(sub, { phase: 'reading', afterSeq, position: undefined, version: 0, askedVersion: 0 })
  }

  /** It was live, and was left out of a flush: it goes on from where that began. */
  catchUp(sub: S, position: number): void {
    const version = this.#audience.live.get(sub)
    if (version === undefined) return
    this.#audience.live.delete(sub)
    this.#ask(sub, { phase: 'reading', afterSeq: position, position, version, askedVersion: 0 })
  }

  #ask(sub: S, join: Joining): void {
    join.phase = 'reading'
    join.askedVersion = this.#neededVersion(join)
    this.#audience.joining.set(sub, join)
    if (join.position === undefined) this.#do({ type: 'readJoin', sub, afterSeq: join.afterSeq })
    else this.#do({ type: 'readPage', sub, afterSeq: join.position })
  }

  #neededVersion({ version }: Joining): number {
    return Math.max(this.#audience.version, version)
  }

  /** The answer to a read, of the same database as before. */
  read({ sub, read, askedAtMs, nowMs }: Extract<RoomEvent<S>, { type: 'read' }>): void {
    const join = this.#audience.joining.get(sub)
    if (join === undefined) return
    // It took so long that its membership is stale, or it knows less than was known before it was asked.
    if (nowMs - askedAtMs > STALE_AFTER_MS || (read.exists && read.memberVersion < join.askedVersion)) {
      this.readFailed(sub)
    } else if (read.exists && read.memberVersion < this.#neededVersion(join)) this.#ask(sub, join)
    else if (read.isMember) this.#admit(sub, join, read, askedAtMs)
    else this.#refuse(sub, join, read)
  }

  /** Who has been answered is not told: it goes on from where it stands as soon as the room can be read again. */
  readFailed(sub: S): void {
    const join = this.#audience.joining.get(sub)
    if (join === undefined) return
    if (join.position !== undefined) {
      join.phase = 'stalled'
      return
    }
    this.#audience.joining.delete(sub)
    this.#do({ type: 'refused', sub, code: 'unavailable' })
  }

  /** The room can be read again. */
  askAgain(): void {
    for (const [sub, join] of [...this.#audience.joining]) if (join.phase === 'stalled') this.#ask(sub, join)
  }

  #refuse(sub: S, join: Joining, read: RoomRead): void {
    this.#audience.joining.delete(sub)
    if (join.position !== undefined) this.#do({ type: 'evicted', sub })
    else if (!read.exists || read.isPrivate) this.#do({ type: 'refused', sub, code: 'room_not_found' })
    else this.#do({ type: 'refused', sub, code: 'not_a_member' })
  }

  #admit(sub: S, join: Joining, read: RoomRead, askedAtMs: number): void {
    if (!this.#stream.hasBegun) {
      // The room's first look: nobody else has been let in who would have to be checked.
      this.#stream.begin(read)
      this.#audience.checked(read.memberVersion, askedAtMs)
    }
    join.version = read.memberVersion
    this.#stream.aim(read.head)
    if (join.position === undefined) this.#page(sub, join, this.#answer(sub, join.afterSeq, read), read)
    else if (read.rows.length > 0 || read.head <= join.position) this.#page(sub, join, join.position, read)
    else join.phase = 'stalled'
  }

  /** Answers the join; where its stream begins. */
  #answer(sub: S, afterSeq: number | undefined, { head, epoch }: RoomRead): number {
    const recovery = this.#recovery(afterSeq, head)
    this.#do({ type: 'joined', sub, headSeq: head, epoch, ...recovery })
    return recovery.recovered === true && afterSeq !== undefined ? afterSeq : head
  }

  #recovery(afterSeq: number | undefined, head: number): Recovery {
    if (afterSeq === undefined) return {}
    if (afterSeq > head) return { recovered: false, reason: 'reset' }
    if (head - afterSeq > this.#options.maxResume) return { recovered: false, reason: 'too_far' }
    return { recovered: true }
  }

  #page(sub: S, join: Joining, position: number, read: RoomRead): void {
    join.position = position
    const rows = read.rows.filter(({ seq }) => seq > position)
    if (rows.some(({ seq }, index) => seq !== position + 1 + index)) {
      // No database of ours has a hole: nothing is written over it.
      join.phase = 'stalled'
      return
    }
    if (rows.length > 0) this.#do({ type: 'write', sub, rows })
    for (const row of rows) this.#stream.offer(row)
    join.position = position + rows.length
    if (read.hasMore && rows.length > 0) this.#ask(sub, join)
    else this.#settle(sub, join, join.position)
  }

  /** `last` has moved. */
  settleWaiting(): void {
    for (const [sub, join] of [...this.#audience.joining]) {
      if (join.phase === 'waiting' && join.position !== undefined) this.#settle(sub, join, join.position)
    }
  }

  /** Without waiting for anything: what stands at `last` is live, what is below catches up, what is above waits. */
  #settle(sub: S, join: Joining, position: number): void {
    const { last } = this.#stream
    join.phase = 'waiting'
    if (position > last) {
      this.#stream.aim(position)
      return
    }
    if (position < last) {
      const missed = this.#options.isBehind(sub) ? undefined : this.#stream.keptAfter(position)
      if (missed === undefined) {
        this.#ask(sub, join)
        return
      }
      this.#do({ type: 'write', sub, rows: missed })
    }
    this.#audience.joining.delete(sub)
    this.#audience.live.set(sub, join.version)
  }
}
