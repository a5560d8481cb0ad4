import { KeptRows } from './kept-rows.ts'
import type { Hint, Recovery, RoomEffect, RoomEvent, RoomRead, Row, Subscription } from './room-events.ts'

export interface RoomStateOptions<S extends Subscription> {
  /** Missed messages that a join delivers; a room further behind than this starts anew at its head. */
  readonly maxResume: number
  /** Bytes of the newest rows to keep for who comes back. */
  readonly keptBytes: () => number
  /** So much waits in its socket that it is to catch up by pages, each read after the one before has drained. */
  readonly isBehind: (sub: S) => boolean
}

/** Nothing is delivered on a membership that was not looked at for so long. */
const STALE_AFTER_MS = 5000
/** Rows that wait while a flush runs; what does not fit is read from the database afterwards. */
const MAX_WAITING_ROWS = 256
/** As much as a page: with what may wait in a socket before, still far from what closes it. */
const MAX_FLUSH_BYTES = 256 * 1024

interface Joining {
  /**
   * `reading`: a read is under way or awaits draining; `stalled`: it failed, the next sweep that succeeds asks again;
   * `waiting`: everything up to `position` is written, and the room has to come there.
   */
  phase: 'reading' | 'stalled' | 'waiting'
  readonly afterSeq: number | undefined
  /** The seq written last; undefined before the join is answered. */
  position: number | undefined
  /** The membership version it was let in under, or before that of a removal: no read below it counts. */
  version: number
  /** What was known of the membership when the read was asked. */
  askedVersion: number
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
  readonly #options: RoomStateOptions<S>
  /** With the membership version under which each was let in. */
  readonly #live = new Map<S, number>()
  readonly #joining = new Map<S, Joining>()
  readonly #kept = new KeptRows()
  #last: number | undefined
  #head = 0
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

  constructor(options: RoomStateOptions<S>) {
    this.#options = options
  }

  get isEmpty(): boolean {
    return this.#live.size === 0 && this.#joining.size === 0
  }

  /** The seq up to which the live subscribers are served; 0 until it is known. */
  get last(): number {
    return this.#last ?? 0
  }

  /** The highest seq that is known to be stored: what is asked from now on shows no lower head. */
  get head(): number {
    return this.#head
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

  /** The last completed check is so old that nothing may be delivered. */
  isStale(nowMs: number): boolean {
    return nowMs - this.#checkedAtMs > STALE_AFTER_MS
  }

  apply(event: RoomEvent<S>): readonly RoomEffect<S>[] {
    this.#effects = []
    this.#handle(event)
    return this.#effects
  }

  #handle(event: RoomEvent<S>): void {
    switch (event.type) {
      case 'join':
        this.#join(event.sub, event.afterSeq, event.nowMs)
        return
      case 'read':
        this.#read(event)
        return
      case 'readFailed':
        this.#readFailed(event.sub)
        return
      case 'leave':
        this.#joining.delete(event.sub)
        this.#live.delete(event.sub)
        return
      case 'messages':
        for (const hint of event.hints) this.#hear(hint)
        this.#progress(event.nowMs)
        return
      case 'rows':
        this.#rows(event)
        return
      case 'rowsFailed':
        // The next sweep comes back to it.
        this.#reading = undefined
        return
      case 'checked':
        this.#checked(event)
        return
      case 'members':
        this.#members(event)
        return
      case 'removed':
        this.#removed(event.userId, event.memberVersion)
        return
      case 'flushed':
        this.#flushed(event.behind, event.nowMs)
        return
    }
  }

  // --- joining -----------------------------------------------------------------------------------------------------

  #join(sub: S, afterSeq: number | undefined, nowMs: number): void {
    if (this.#last !== undefined && this.isStale(nowMs)) {
      this.#do({ type: 'refused', sub, code: 'unavailable' })
      return
    }
    this.#ask(sub, { phase: 'reading', afterSeq, position: undefined, version: 0, askedVersion: 0 })
  }

  #ask(sub: S, join: Joining): void {
    join.phase = 'reading'
    join.askedVersion = this.#neededVersion(join)
    this.#joining.set(sub, join)
    if (join.position === undefined) this.#do({ type: 'readJoin', sub, afterSeq: join.afterSeq })
    else this.#do({ type: 'readPage', sub, afterSeq: join.position })
  }

  #neededVersion({ version }: Joining): number {
    return Math.max(this.#memberVersion, version)
  }

  #read({ sub, read, askedHead, askedAtMs, nowMs }: Extract<RoomEvent<S>, { type: 'read' }>): void {
    const join = this.#joining.get(sub)
    if (join === undefined || !this.#isOfSameDatabase(read, askedHead)) return
    // It took so long that its membership is stale, or it knows less than was known before it was asked.
    if (nowMs - askedAtMs > STALE_AFTER_MS || (read.exists && read.memberVersion < join.askedVersion)) {
      this.#readFailed(sub)
      return
    }
    if (read.exists && read.memberVersion < this.#neededVersion(join)) {
      this.#ask(sub, join)
      return
    }
    if (!read.isMember) {
      this.#refuse(sub, join, read)
      return
    }
    if (this.#last === undefined) {
      // The room's first look: nobody else has been let in who would have to be checked.
      this.#last = read.head
      this.#epoch = read.epoch
      this.#memberVersion = read.memberVersion
      this.#checkedAtMs = askedAtMs
    }
    join.version = read.memberVersion
    this.#target = Math.max(this.#target, read.head)
    if (join.position === undefined) this.#page(sub, join, this.#answer(sub, join.afterSeq, read), read)
    else if (read.rows.length > 0 || read.head <= join.position) this.#page(sub, join, join.position, read)
    else join.phase = 'stalled'
    this.#progress(nowMs)
  }

  /** Who has been answered is not told: it goes on from where it stands as soon as the room can be read again. */
  #readFailed(sub: S): void {
    const join = this.#joining.get(sub)
    if (join === undefined) return
    if (join.position !== undefined) {
      join.phase = 'stalled'
      return
    }
    this.#joining.delete(sub)
    this.#do({ type: 'refused', sub, code: 'unavailable' })
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
    join.position = position
    const rows = read.rows.filter(({ seq }) => seq > position)
    if (rows.some(({ seq }, index) => seq !== position + 1 + index)) {
      // No database of ours has a hole: nothing is written over it.
      join.phase = 'stalled'
      return
    }
    if (rows.length > 0) this.#do({ type: 'write', sub, rows })
    for (const row of rows) this.#offer(row)
    join.position = position + rows.length
    if (read.hasMore && rows.length > 0) this.#ask(sub, join)
    else this.#settle(sub, join, join.position)
  }

  /** Without waiting for anything: what stands at `last` is live, what is below catches up, what is above waits. */
  #settle(sub: S, join: Joining, position: number): void {
    const last = this.#last ?? 0
    join.phase = 'waiting'
    if (position > last) {
      this.#target = Math.max(this.#target, position)
      return
    }
    if (position < last) {
      const missed = this.#options.isBehind(sub) ? undefined : this.#kept.after(position)
      if (missed === undefined) {
        this.#ask(sub, join)
        return
      }
      this.#do({ type: 'write', sub, rows: missed })
    }
    this.#joining.delete(sub)
    this.#live.set(sub, join.version)
  }

  // --- the live stream ---------------------------------------------------------------------------------------------

  #hear({ seq, epoch, row }: Hint): void {
    // After a restore the log still has what the lost database stored, at seqs that are given to other messages now. Where
    // it is this room that is of the lost one, its next look shows that.
    if (epoch !== undefined && this.#epoch !== undefined && epoch !== this.#epoch) return
    this.#target = Math.max(this.#target, seq)
    if (row !== undefined) this.#offer(row)
  }

  /** Takes the row if it is the next one. */
  #offer(row: Row): void {
    if (this.#last === undefined || this.#waiting.length >= MAX_WAITING_ROWS) return
    if (row.seq === this.#last + this.#waiting.length + 1) this.#waiting.push(row)
  }

  #progress(nowMs: number): void {
    if (this.#last === undefined || this.#flushing !== undefined || this.isStale(nowMs)) return
    if (this.#waiting.length > 0) {
      this.#advance(nowMs)
      return
    }
    if (this.#target <= this.#last || this.#reading !== undefined) return
    this.#reading = { last: this.#last, target: this.#target }
    this.#do({ type: 'readRows', afterSeq: this.#last })
  }

  #advance(nowMs: number): void {
    const rows = this.#takeWaiting()
    const from = this.#last ?? 0
    this.#last = from + rows.length
    this.#head = Math.max(this.#head, this.#last)
    this.#target = Math.max(this.#target, this.#last)
    this.#kept.add(rows, this.#options.keptBytes())
    // Who becomes live now has these rows, or takes them from the kept ones: the flush is for who was live before.
    const subs = [...this.#live.keys()]
    this.#settleWaiting()
    if (subs.length === 0) {
      this.#progress(nowMs)
      return
    }
    this.#flushing = { from }
    this.#do({ type: 'flush', subs, rows })
  }

  #takeWaiting(): readonly Row[] {
    let [count, bytes] = [0, 0]
    for (const { frame } of this.#waiting) {
      bytes += frame.length
      if (count > 0 && bytes > MAX_FLUSH_BYTES) break
      count += 1
    }
    return this.#waiting.splice(0, count)
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
      const version = this.#live.get(sub)
      if (version === undefined) continue
      this.#live.delete(sub)
      this.#ask(sub, { phase: 'reading', afterSeq: position, position, version, askedVersion: 0 })
    }
    this.#progress(nowMs)
  }

  #rows({ read, askedHead, nowMs }: Extract<RoomEvent<S>, { type: 'rows' }>): void {
    const asked = this.#reading
    this.#reading = undefined
    if (asked === undefined || this.#last === undefined || !this.#isOfSameDatabase(read, askedHead)) return
    if (this.#target === asked.target) {
      // What was heard of before the read and is not there was never stored in this database; and where the read ought
      // to have brought rows and has not, asking again at once is of no use.
      const isUsable = read.head <= asked.last || read.rows[0]?.seq === asked.last + 1
      this.#target = isUsable ? this.#head : this.#last
    }
    // Rows of a flush under way must not follow the frame that starts anew: the read is repeated after it.
    const canStartAnew = this.#flushing === undefined && !this.isStale(nowMs)
    if (canStartAnew && read.head - this.#last > this.#options.maxResume) this.#startAnew(read)
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
    if (this.#last === undefined || !this.#isOfSameDatabase(event, event.askedHead)) return
    // Still below what stood there a sweep ago: its event is lost.
    if (this.#last < this.#sweptHead) this.#target = Math.max(this.#target, this.#sweptHead)
    this.#sweptHead = event.head
    this.#kept.trim(this.#options.keptBytes())
    for (const [sub, join] of [...this.#joining]) if (join.phase === 'stalled') this.#ask(sub, join)
    if (event.memberVersion > this.#memberVersion) {
      this.#do({ type: 'readMembers' })
      return
    }
    this.#checkedAtMs = Math.max(this.#checkedAtMs, event.askedAtMs)
    this.#progress(event.nowMs)
  }

  #members(event: Extract<RoomEvent<S>, { type: 'members' }>): void {
    const { version, members, asked, askedHead, askedAtMs, nowMs } = event
    if (!this.#isOfSameDatabase(event, askedHead) || version < this.#memberVersion) return
    // A join that is not answered yet finds out by its read, which is older than this version or as new; and a read of
    // its own that was as new has let in who needs no look.
    const older = this.subscribers.filter((sub) => (this.#versionOf(sub) ?? version) < version)
    for (const sub of older) {
      if (members.has(sub.userId)) this.#raise(sub, version)
      else if (asked.has(sub.userId)) this.#evict(sub)
    }
    if (!older.every(({ userId }) => asked.has(userId))) {
      // Somebody came after it was asked.
      this.#do({ type: 'readMembers' })
      return
    }
    this.#memberVersion = version
    this.#checkedAtMs = Math.max(this.#checkedAtMs, askedAtMs)
    this.#progress(nowMs)
  }

  /** The membership version it was let in under, or was looked at since; undefined before the join is answered. */
  #versionOf(sub: S): number | undefined {
    const join = this.#joining.get(sub)
    if (join === undefined) return this.#live.get(sub)
    return join.position === undefined ? undefined : join.version
  }

  #raise(sub: S, version: number): void {
    const join = this.#joining.get(sub)
    if (join === undefined) this.#live.set(sub, version)
    else join.version = version
  }

  #removed(userId: string, memberVersion: number): void {
    for (const sub of this.subscribers) {
      if (sub.userId !== userId) continue
      const join = this.#joining.get(sub)
      // Its read may be older than the removal, or younger than a return: it is to show.
      if (join !== undefined && join.position === undefined)
        join.version = Math.max(join.version, memberVersion)
      else if ((this.#versionOf(sub) ?? 0) < memberVersion) this.#evict(sub)
    }
  }

  #evict(sub: S): void {
    this.#live.delete(sub)
    this.#joining.delete(sub)
    this.#do({ type: 'evicted', sub })
  }

  /** False when the read shows a restore, which ends everybody's stream. */
  #isOfSameDatabase(read: { readonly head: number; readonly epoch: string }, askedHead: number): boolean {
    if (read.head < askedHead || (this.#epoch !== undefined && read.epoch !== this.#epoch)) {
      this.#restored()
      return false
    }
    this.#head = Math.max(this.#head, read.head)
    return true
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
