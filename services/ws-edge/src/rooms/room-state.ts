import { KeptRows } from './kept-rows.ts'
import type { Recovery, RoomEffect, RoomEvent, RoomRead, Row, Subscription } from './room-events.ts'

export interface RoomStateOptions {
  /** Missed messages that a join delivers; a room further behind than this starts anew at its head. */
  readonly maxResume: number
  /** Bytes of the newest rows to keep for who comes back. */
  readonly keptBytes: () => number
}

/** Nothing is delivered on a membership that was not looked at for so long. */
const STALE_AFTER_MS = 5000
/** Rows that wait while a flush runs; what does not fit is read from the database afterwards. */
const MAX_WAITING_ROWS = 256

interface Joining {
  /** `reading`: a read is under way or awaits draining; `waiting`: everything up to `position` is written. */
  phase: 'reading' | 'waiting'
  readonly afterSeq: number | undefined
  /** The seq written last; undefined before the join is answered. */
  position: number | undefined
  /** What `last` was when the read was asked: no later head may be below it. */
  askedLast: number
  /** No membership read below this version counts. */
  minVersion: number
}

/**
 * One room with local subscribers: a state machine without I/O. `apply` takes what happened and answers what to do; the
 * owner feeds the outcome back as events. Events of the log are hints and the database is the truth:
 *
 * - `last` is the seq up to which every live subscriber has been, or is being, written. Only `#advance` moves it, by rows
 *   last+1…, one step at a time: the next waits until the flush before has ended.
 * - A subscriber is live when its position equals `last`. Until then it is joining: it reads pages of its own.
 * - What is heard with a gap, or of which no row came along, is a target: the rows up to it are read.
 */
export class RoomState<S extends Subscription> {
  readonly #options: RoomStateOptions
  /** With the membership version under which each was let in. */
  readonly #live = new Map<S, number>()
  readonly #joining = new Map<S, Joining>()
  readonly #kept = new KeptRows()
  #last: number | undefined
  #epoch: string | undefined
  #memberVersion = 0
  #checkedAtMs = Number.NEGATIVE_INFINITY
  /** The highest seq heard of. */
  #target = 0
  /** The head of one sweep ago. */
  #sweptHead = 0
  /** Rows last+1… that wait for the flush under way. */
  #waiting: Row[] = []
  #flushing: { readonly from: number } | undefined
  #reading: { readonly last: number; readonly target: number } | undefined
  #effects: RoomEffect<S>[] = []

  constructor(options: RoomStateOptions) {
    this.#options = options
  }

  get isEmpty(): boolean {
    return this.#live.size === 0 && this.#joining.size === 0
  }

  /** The seq up to which the live subscribers are served; 0 until it is known. */
  get last(): number {
    return this.#last ?? 0
  }

  isLive(sub: S): boolean {
    return this.#live.has(sub)
  }

  get subscribers(): readonly S[] {
    return [...this.#live.keys(), ...this.#joining.keys()]
  }

  get live(): Iterable<S> {
    return this.#live.keys()
  }

  apply(event: RoomEvent<S>): readonly RoomEffect<S>[] {
    this.#effects = []
    this.#handle(event)
    return this.#effects
  }

  #handle(event: RoomEvent<S>): void {
    switch (event.type) {
      case 'join':
        return this.#join(event.sub, event.afterSeq, event.nowMs)
      case 'read':
        return this.#read(event.sub, event.read, event.askedAtMs, event.nowMs)
      case 'readFailed':
        if (this.#joining.delete(event.sub))
          this.#do({ type: 'refused', sub: event.sub, code: 'unavailable' })
        return
      case 'leave':
        this.#joining.delete(event.sub)
        this.#live.delete(event.sub)
        return
      case 'message':
        return this.#message(event.seq, event.row, event.nowMs)
      case 'rows':
        return this.#rows(event.read, event.nowMs)
      case 'rowsFailed':
        // The next sweep comes back to it.
        this.#reading = undefined
        return
      case 'checked':
        return this.#checked(event)
      case 'members':
        return this.#members(event)
      case 'removed':
        return this.#removed(event.userId, event.memberVersion)
      case 'flushed':
        return this.#flushed(event.behind, event.nowMs)
    }
  }

  // --- joining -----------------------------------------------------------------------------------------------------

  #join(sub: S, afterSeq: number | undefined, nowMs: number): void {
    if (this.#last !== undefined && this.#isStale(nowMs)) {
      this.#do({ type: 'refused', sub, code: 'unavailable' })
      return
    }
    const askedLast = this.#last ?? 0
    this.#joining.set(sub, { phase: 'reading', afterSeq, position: undefined, askedLast, minVersion: 0 })
    this.#do({ type: 'readJoin', sub, afterSeq })
  }

  #read(sub: S, read: RoomRead, askedAtMs: number, nowMs: number): void {
    const join = this.#joining.get(sub)
    if (join === undefined) return
    if (this.#isRestored(read, join.askedLast)) return this.#restored()
    const isOld = read.memberVersion < Math.max(this.#memberVersion, join.minVersion)
    if (read.exists && isOld) return this.#readAgain(sub, join)
    if (!read.isMember) return this.#refuse(sub, join, read)
    if (this.#last === undefined) {
      // The room's first look: nobody else is in it who would have to be checked.
      this.#last = read.head
      this.#epoch = read.epoch
      this.#memberVersion = read.memberVersion
      this.#checkedAtMs = askedAtMs
    }
    join.minVersion = read.memberVersion
    this.#target = Math.max(this.#target, read.head)
    if (join.position === undefined) join.position = this.#answer(sub, join.afterSeq, read)
    this.#page(sub, join, join.position, read)
    this.#progress(nowMs)
  }

  #readAgain(sub: S, join: Joining): void {
    join.askedLast = this.#last ?? 0
    if (join.position === undefined) this.#do({ type: 'readJoin', sub, afterSeq: join.afterSeq })
    else this.#do({ type: 'readPage', sub, afterSeq: join.position })
  }

  #refuse(sub: S, join: Joining, read: RoomRead): void {
    this.#joining.delete(sub)
    if (join.position !== undefined) this.#do({ type: 'evicted', sub })
    else if (!read.exists || read.isPrivate) this.#do({ type: 'refused', sub, code: 'room_not_found' })
    else this.#do({ type: 'refused', sub, code: 'not_a_member' })
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
    const rows = read.rows.filter(({ seq }) => seq > position)
    const isGapless = rows.every(({ seq }, index) => seq === position + 1 + index)
    const usable = isGapless ? rows : []
    if (usable.length > 0) this.#do({ type: 'write', sub, rows: usable })
    for (const row of usable) this.#offer(row)
    join.position = position + usable.length
    if (read.hasMore && usable.length > 0) {
      join.askedLast = this.#last ?? 0
      this.#do({ type: 'readPage', sub, afterSeq: join.position })
    } else {
      join.phase = 'waiting'
      this.#settle(sub, join, join.position)
    }
  }

  /** Without waiting for anything: what stands at `last` is live, what is below catches up, what is above waits. */
  #settle(sub: S, join: Joining, position: number): void {
    const last = this.#last ?? 0
    if (position > last) {
      this.#target = Math.max(this.#target, position)
      return
    }
    if (position < last) {
      const missed = this.#kept.after(position)
      if (missed === undefined) {
        join.phase = 'reading'
        join.askedLast = last
        this.#do({ type: 'readPage', sub, afterSeq: position })
        return
      }
      this.#do({ type: 'write', sub, rows: missed })
    }
    this.#joining.delete(sub)
    this.#live.set(sub, join.minVersion)
  }

  // --- the live stream ---------------------------------------------------------------------------------------------

  #message(seq: number, row: Row | undefined, nowMs: number): void {
    this.#target = Math.max(this.#target, seq)
    if (row !== undefined) this.#offer(row)
    this.#progress(nowMs)
  }

  /** Takes the row if it is the next one. */
  #offer(row: Row): void {
    if (this.#last === undefined || this.#waiting.length >= MAX_WAITING_ROWS) return
    if (row.seq === this.#last + this.#waiting.length + 1) this.#waiting.push(row)
  }

  #progress(nowMs: number): void {
    if (this.#last === undefined || this.#flushing !== undefined || this.#isStale(nowMs)) return
    if (this.#waiting.length > 0) return this.#advance(nowMs)
    if (this.#target <= this.#last || this.#reading !== undefined) return
    this.#reading = { last: this.#last, target: this.#target }
    this.#do({ type: 'readRows', afterSeq: this.#last })
  }

  #advance(nowMs: number): void {
    const rows = this.#waiting
    const from = this.#last ?? 0
    this.#waiting = []
    this.#last = from + rows.length
    this.#target = Math.max(this.#target, this.#last)
    this.#kept.add(rows, this.#options.keptBytes())
    // Who becomes live now has these rows, or takes them from the kept ones: the flush is for who was live before.
    const subs = [...this.#live.keys()]
    this.#settleWaiting()
    if (subs.length === 0) return this.#progress(nowMs)
    this.#flushing = { from }
    this.#do({ type: 'flush', subs, rows })
  }

  #settleWaiting(): void {
    for (const [sub, join] of [...this.#joining]) {
      if (join.phase === 'waiting' && join.position !== undefined) this.#settle(sub, join, join.position)
    }
  }

  #flushed(behind: readonly S[], nowMs: number): void {
    const position = this.#flushing?.from ?? 0
    this.#flushing = undefined
    for (const sub of behind) {
      const minVersion = this.#live.get(sub)
      if (minVersion === undefined) continue
      this.#live.delete(sub)
      const askedLast = this.#last ?? 0
      this.#joining.set(sub, { phase: 'reading', afterSeq: position, position, askedLast, minVersion })
      this.#do({ type: 'readPage', sub, afterSeq: position })
    }
    this.#progress(nowMs)
  }

  #rows(read: RoomRead, nowMs: number): void {
    const asked = this.#reading
    this.#reading = undefined
    if (asked === undefined || this.#last === undefined) return
    if (this.#isRestored(read, asked.last)) return this.#restored()
    // What was heard of before the read and is not there was never stored in this database.
    if (this.#target === asked.target) this.#target = read.rows.length === 0 ? this.#last : read.head
    // Rows of a flush under way must not follow the frame that starts anew: the read is repeated after it.
    if (read.head - this.#last > this.#options.maxResume && this.#flushing === undefined)
      this.#startAnew(read)
    else for (const row of read.rows) this.#offer(row)
    this.#progress(nowMs)
  }

  #startAnew({ head, epoch }: RoomRead): void {
    this.#last = head
    this.#waiting = []
    this.#kept.clear()
    for (const sub of this.#live.keys()) {
      this.#do({ type: 'joined', sub, headSeq: head, epoch, recovered: false, reason: 'too_far' })
    }
    this.#settleWaiting()
  }

  // --- looking after it --------------------------------------------------------------------------------------------

  #checked(event: Extract<RoomEvent<S>, { type: 'checked' }>): void {
    if (this.#last === undefined) return
    if (this.#isRestored(event, event.askedLast)) return this.#restored()
    // Still below what stood there a sweep ago: its event is lost.
    if (this.#last < this.#sweptHead) this.#target = Math.max(this.#target, this.#sweptHead)
    this.#sweptHead = event.head
    if (event.memberVersion > this.#memberVersion) {
      this.#do({ type: 'readMembers' })
      return
    }
    this.#checkedAtMs = Math.max(this.#checkedAtMs, event.askedAtMs)
    this.#progress(event.nowMs)
  }

  #members({ version, members, askedAtMs, nowMs }: Extract<RoomEvent<S>, { type: 'members' }>): void {
    if (version < this.#memberVersion) return
    this.#memberVersion = version
    for (const sub of this.subscribers) {
      // A join that is not answered yet finds out by its read, which is older than this version.
      if (!members.has(sub.userId) && !this.#isUnanswered(sub)) this.#evict(sub)
      else if (this.#live.has(sub)) this.#live.set(sub, version)
    }
    this.#checkedAtMs = Math.max(this.#checkedAtMs, askedAtMs)
    this.#progress(nowMs)
  }

  #removed(userId: string, memberVersion: number): void {
    for (const sub of this.subscribers) {
      if (sub.userId !== userId) continue
      const join = this.#joining.get(sub)
      // Its read may be older than the removal, or younger than a return: it is to show.
      if (join !== undefined && join.position === undefined) join.minVersion = memberVersion
      else if ((this.#live.get(sub) ?? join?.minVersion ?? 0) < memberVersion) this.#evict(sub)
    }
  }

  #isUnanswered(sub: S): boolean {
    const join = this.#joining.get(sub)
    return join !== undefined && join.position === undefined
  }

  #evict(sub: S): void {
    this.#live.delete(sub)
    this.#joining.delete(sub)
    this.#do({ type: 'evicted', sub })
  }

  #isStale(nowMs: number): boolean {
    return nowMs - this.#checkedAtMs > STALE_AFTER_MS
  }

  #isRestored(read: { readonly head: number; readonly epoch: string }, askedLast: number): boolean {
    return read.head < askedLast || (this.#epoch !== undefined && read.epoch !== this.#epoch)
  }

  #restored(): void {
    const subs = this.subscribers
    this.#live.clear()
    this.#joining.clear()
    this.#do({ type: 'restored', subs })
  }

  #do(effect: RoomEffect<S>): void {
    this.#effects.push(effect)
  }
}
