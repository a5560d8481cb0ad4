import { RoomAudience } from './room-audience.ts'
import type { RoomEffect, RoomEvent, RoomRead, Subscription } from './room-events.ts'
import { RoomJoins, type RoomJoinsOptions } from './room-joins.ts'
import { RoomStream } from './room-stream.ts'

export interface RoomStateOptions<S extends Subscription> extends RoomJoinsOptions<S> {
  /** Bytes of the newest rows to keep for who comes back. */
  readonly keptBytes: () => number
}

/**
 * One room with local subscribers: a state machine without I/O. `apply` takes what happened and answers what to do; the
 * owner feeds the outcome back as events. Events of the log are hints and the database is the truth:
 *
 * - `last` is the seq up to which every live subscriber has been, or is being, written. Only `#advance` moves it, by rows
 *   last+1…, one step at a time: the next waits until the flush before has ended.
 * - A subscriber is live when its position equals `last`. Until then it is joining: it reads pages of its own.
 * - What is heard with a gap, or of which no row came along, is a target: the rows up to it are read.
 *
 * Its parts: the rows (`RoomStream`), who is to have them (`RoomAudience`), and how one comes to be live (`RoomJoins`).
 */
export class RoomState<S extends Subscription> {
  readonly #maxResume: number
  readonly #stream: RoomStream
  readonly #audience = new RoomAudience<S>()
  readonly #joins: RoomJoins<S>
  #flushing: { readonly from: number } | undefined
  #effects: RoomEffect<S>[] = []

  constructor(options: RoomStateOptions<S>) {
    this.#maxResume = options.maxResume
    this.#stream = new RoomStream(options.keptBytes)
    this.#joins = new RoomJoins(options, {
      stream: this.#stream,
      audience: this.#audience,
      do: (effect) => this.#do(effect),
    })
  }

  get isEmpty(): boolean {
    return this.#audience.isEmpty
  }

  /** The seq up to which the live subscribers are served; 0 until it is known. */
  get last(): number {
    return this.#stream.last
  }

  /** The highest seq that is known to be stored: what is asked from now on shows no lower head. */
  get head(): number {
    return this.#stream.head
  }

  isLive(sub: S): boolean {
    return this.#audience.live.has(sub)
  }

  get subscribers(): readonly S[] {
    return this.#audience.all
  }

  get live(): Iterable<S> {
    return this.#audience.live.keys()
  }

  /** The last completed check is so old that nothing may be delivered. */
  isStale(nowMs: number): boolean {
    return this.#audience.isStale(nowMs)
  }

  apply(event: RoomEvent<S>): readonly RoomEffect<S>[] {
    this.#effects = []
    this.#handle(event)
    return this.#effects
  }

  #handle(event: RoomEvent<S>): void {
    switch (event.type) {
      case 'join':
        this.#joins.join(event.sub, event.afterSeq, event.nowMs)
        return
      case 'read':
        this.#read(event)
        return
      case 'readFailed':
        this.#joins.readFailed(event.sub)
        return
      case 'leave':
        this.#audience.delete(event.sub)
        return
      case 'messages':
        for (const hint of event.hints) this.#stream.hear(hint)
        this.#progress(event.nowMs)
        return
      case 'rows':
        this.#rows(event)
        return
      case 'rowsFailed':
        this.#stream.rowsFailed()
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

  #read(event: Extract<RoomEvent<S>, { type: 'read' }>): void {
    const isWaitedFor = this.#audience.joining.has(event.sub)
    if (!isWaitedFor || !this.#isOfSameDatabase(event.read, event.askedHead)) return
    this.#joins.read(event)
    this.#progress(event.nowMs)
  }

  // --- the live stream ---------------------------------------------------------------------------------------------

  #progress(nowMs: number): void {
    if (!this.#stream.hasBegun || this.#flushing !== undefined || this.isStale(nowMs)) return
    if (this.#stream.hasNext) {
      this.#advance(nowMs)
      return
    }
    const afterSeq = this.#stream.askForRows()
    if (afterSeq !== undefined) this.#do({ type: 'readRows', afterSeq })
  }

  #advance(nowMs: number): void {
    const from = this.#stream.last
    const rows = this.#stream.take()
    // Who becomes live now has these rows, or takes them from the kept ones: the flush is for who was live before.
    const subs = [...this.#audience.live.keys()]
    this.#joins.settleWaiting()
    if (subs.length === 0) {
      this.#progress(nowMs)
      return
    }
    this.#flushing = { from }
    this.#do({ type: 'flush', subs, rows })
  }

  #flushed(behind: readonly S[], nowMs: number): void {
    const from = this.#flushing?.from ?? 0
    this.#flushing = undefined
    for (const sub of behind) this.#joins.catchUp(sub, from)
    this.#progress(nowMs)
  }

  #rows({ read, askedHead, nowMs }: Extract<RoomEvent<S>, { type: 'rows' }>): void {
    if (!this.#isOfSameDatabase(read, askedHead)) return
    this.#stream.rowsCame(read)
    // Rows of a flush under way must not follow the frame that starts anew: the read is repeated after it.
    const canStartAnew = this.#flushing === undefined && !this.isStale(nowMs)
    if (canStartAnew && read.head - this.#stream.last > this.#maxResume) this.#startAnew(read)
    else for (const row of read.rows) this.#stream.offer(row)
    this.#progress(nowMs)
  }

  #startAnew({ head, epoch }: RoomRead): void {
    this.#stream.startAnew(head)
    for (const sub of this.live) {
      this.#do({ type: 'joined', sub, headSeq: head, epoch, recovered: false, reason: 'too_far' })
    }
    this.#joins.settleWaiting()
  }

  // --- looking after it --------------------------------------------------------------------------------------------

  #checked(event: Extract<RoomEvent<S>, { type: 'checked' }>): void {
    if (!this.#stream.hasBegun || !this.#isOfSameDatabase(event, event.askedHead)) return
    this.#stream.swept(event.head)
    this.#joins.askAgain()
    if (event.memberVersion > this.#audience.version) {
      this.#do({ type: 'readMembers' })
      return
    }
    this.#audience.checked(this.#audience.version, event.askedAtMs)
    this.#progress(event.nowMs)
  }

  #members(event: Extract<RoomEvent<S>, { type: 'members' }>): void {
    const { version, members, asked, askedHead, askedAtMs, nowMs } = event
    if (!this.#isOfSameDatabase(event, askedHead) || version < this.#audience.version) return
    // A join that is not answered yet finds out by its read, which is older than this version or as new; and a read of
    // its own that was as new has let in who needs no look.
    const older = this.subscribers.filter((sub) => (this.#audience.versionOf(sub) ?? version) < version)
    for (const sub of older) {
      if (members.has(sub.userId)) this.#audience.raise(sub, version)
      else if (asked.has(sub.userId)) this.#evict(sub)
    }
    if (!older.every(({ userId }) => asked.has(userId))) {
      // Somebody came after it was asked.
      this.#do({ type: 'readMembers' })
      return
    }
    this.#audience.checked(version, askedAtMs)
    this.#progress(nowMs)
  }

  #removed(userId: string, memberVersion: number): void {
    for (const sub of this.subscribers) {
      if (sub.userId !== userId) continue
      const join = this.#audience.joining.get(sub)
      // Its read may be older than the removal, or younger than a return: it is to show.
      if (join !== undefined && join.position === undefined)
        join.version = Math.max(join.version, memberVersion)
      else if ((this.#audience.versionOf(sub) ?? 0) < memberVersion) this.#evict(sub)
    }
  }

  #evict(sub: S): void {
    this.#audience.delete(sub)
    this.#do({ type: 'evicted', sub })
  }

  /** False when the read shows a restore, which ends everybody's stream. */
  #isOfSameDatabase(read: { readonly head: number; readonly epoch: string }, askedHead: number): boolean {
    if (this.#stream.admit(read, askedHead)) return true
    const { subscribers: subs } = this
    this.#audience.clear()
    this.#do({ type: 'restored', subs })
    return false
  }

  #do(effect: RoomEffect<S>): void {
    this.#effects.push(effect)
  }
}
