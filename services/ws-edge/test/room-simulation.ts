import { must } from '@roomlog/testkit/model-runs'
import type { Hint, RoomEffect, RoomEvent, RoomRead, Row, Subscription } from '../src/rooms/room-events.ts'
import { RoomState } from '../src/rooms/room-state.ts'

/** How often each act is drawn. */
export const ACTS = {
  commit: 12,
  deliver: 14,
  lose: 2,
  replay: 2,
  rumour: 1,
  snapshot: 4,
  answer: 24,
  fail: 2,
  slice: 8,
  sweep: 6,
  join: 10,
  leave: 2,
  add: 2,
  remove: 3,
  signal: 4,
  tick: 4,
  congest: 3,
  keep: 1,
  restore: 1,
} as const

/** The same with little traffic and much coming and going. */
export const MEMBERSHIP_ACTS: Readonly<Record<keyof typeof ACTS, number>> = {
  ...ACTS,
  commit: 2,
  deliver: 2,
  replay: 0,
  rumour: 0,
  snapshot: 16,
  slice: 2,
  sweep: 14,
  join: 12,
  leave: 4,
  add: 8,
  remove: 10,
  signal: 5,
  tick: 2,
  congest: 1,
  keep: 0,
  restore: 0,
}

type Act = keyof typeof ACTS
/** An act with two numbers that choose what it meets. */
export type Step = readonly [act: Act, n: number, m: number]

const SLOTS = 5
const USERS = ['ann', 'bob', 'cid', 'dan'] as const
const MAX_RESUME = 12
const MAX_WAITING_ROWS = 256
const STALE_AFTER_MS = 5000
const SWEEP_MS = 2000
const TICKS_MS = [50, 400, 1500, 3000, 4950, 5100, 8000]
const KEPT_BYTES = [0, 30, 120, 10_000]
const UNLIMITED = Number.MAX_SAFE_INTEGER
/** In the end the sweeps alone have to bring everybody to the head. */
const LAST_SWEEPS = 5
const REST_STEPS = 20_000

/** The truth: the rows of one room, who is in it, and what both were before a restore. */
class Database {
  epoch = 'epoch-1'
  memberVersion = 1
  readonly members = new Set<string>(USERS.slice(0, 3))
  readonly everStored = new Set<string>()
  /** Of each row that a marked restore lost, the first epoch that is without it. */
  readonly #lostIn = new Map<string, string>()
  #rows: Row[] = []
  #committed = 0
  /** Of each user, from when on it was a member or none. */
  readonly #memberSince = new Map<string, { readonly atMs: number; readonly isMember: boolean }[]>()

  constructor(nowMs: number) {
    for (const user of USERS) this.#note(user, nowMs)
  }

  get head(): number {
    return this.#rows.length
  }

  row(seq: number): Row | undefined {
    return this.#rows[seq - 1]
  }

  commit(): Row {
    this.#committed += 1
    const seq = this.head + 1
    const row = { seq, frame: Buffer.from(`${seq} by commit ${this.#committed}`) }
    this.#rows.push(row)
    this.everStored.add(row.frame.toString())
    return row
  }

  add(user: string, nowMs: number): void {
    this.members.add(user)
    this.#note(user, nowMs)
  }

  remove(user: string, nowMs: number): boolean {
    if (!this.members.delete(user)) return false
    this.memberVersion += 1
    this.#note(user, nowMs)
    return true
  }

  /** Back to an older state; a restore that is not marked loses rows only. */
  restore(
    head: number,
    mark: { readonly epoch: string; readonly user: string } | undefined,
    nowMs: number,
  ): void {
    const lost = this.#rows.slice(head)
    this.#rows = this.#rows.slice(0, head)
    if (mark === undefined) return
    for (const { frame } of lost) this.#lostIn.set(frame.toString(), mark.epoch)
    this.epoch = mark.epoch
    this.memberVersion = Math.max(1, this.memberVersion - 2)
    if (!this.members.delete(mark.user)) this.members.add(mark.user)
    this.#note(mark.user, nowMs)
  }

  isLostIn(epoch: string | undefined, frame: Buffer): boolean {
    const lost = this.#lostIn.get(frame.toString())
    return lost !== undefined && epoch !== undefined && numberOf(lost) <= numberOf(epoch)
  }

  read(userId: string | null, afterSeq: number | null, maxMissing: number, pageRows: number): RoomRead {
    const isMember = userId !== null && this.members.has(userId)
    const mayRead = afterSeq !== null && this.head - afterSeq <= maxMissing && (userId === null || isMember)
    const rows = mayRead ? this.#rows.slice(afterSeq, afterSeq + pageRows) : []
    return {
      exists: true,
      isPrivate: false,
      isMember,
      memberVersion: this.memberVersion,
      head: this.head,
      epoch: this.epoch,
      rows,
      hasMore: rows.length === pageRows,
    }
  }

  wasMember(user: string, fromMs: number, toMs: number): boolean {
    const notes = this.#memberSince.get(user) ?? []
    return notes.some(({ atMs, isMember }, index) => {
      const untilMs = notes[index + 1]?.atMs ?? Number.POSITIVE_INFINITY
      return isMember && atMs <= toMs && untilMs >= fromMs
    })
  }

  #note(user: string, atMs: number): void {
    const notes = this.#memberSince.get(user) ?? []
    this.#memberSince.set(user, [...notes, { atMs, isMember: this.members.has(user) }])
  }
}

/** One join of one socket, and what its client saw. */
class Sub implements Subscription {
  readonly userId: string
  readonly slot: number
  readonly afterSeq: number | undefined
  status: 'asked' | 'joined' | 'closed' = 'asked'
  position = 0
  /** The membership version of the last look that showed it as a member. */
  version = 0
  /** The highest removal that was signalled while the join was not answered. */
  signalled = 0
  readonly received = new Map<number, string>()

  constructor(slot: number, afterSeq: number | undefined) {
    this.slot = slot
    this.userId = USERS[slot % USERS.length] ?? 'ann'
    this.afterSeq = afterSeq
  }
}

interface Flush {
  readonly subs: readonly Sub[]
  readonly rows: readonly Row[]
  readonly behind: Sub[]
  readonly startedAtMs: number
  served: number
}

/** A room object of the edge, with what the design says must be true of it. */
interface Room {
  readonly state: RoomState<Sub>
  readonly open: Set<Sub>
  flush: Flush | undefined
  /** Set by the first accepted read. */
  epoch: string | undefined
  version: number
  checkedAtMs: number
  /** The highest head that was read from the database. */
  seenHead: number
}

/** What every question notes when it is asked. */
interface Asked {
  readonly room: Room
  readonly atMs: number
  readonly head: number
  readonly last: number
  readonly seenHead: number
}

type Question =
  | {
      readonly kind: 'read'
      readonly room: Room
      readonly sub: Sub
      readonly afterSeq: number | null
      readonly isPage: boolean
      asked?: Asked
      read?: RoomRead
    }
  | {
      readonly kind: 'rows'
      readonly room: Room
      readonly afterSeq: number
      readonly asked: Asked
      read?: RoomRead
    }
  | {
      readonly kind: 'members'
      readonly room: Room
      readonly users: ReadonlySet<string>
      readonly asked: Asked
      read?: { version: number; members: ReadonlySet<string>; head: number; epoch: string }
    }
  | { readonly kind: 'check'; readonly room: Room; readonly asked: Asked; read?: RoomRead }

type Event = RoomEvent<Sub>
type EventOf<T extends Event['type']> = Extract<Event, { type: T }>

/** Plays the steps, then lets everything come to rest; throws at the first thing that the design forbids. */
export function simulate(steps: readonly Step[]): void {
  const world = new World()
  for (const step of steps) world.act(step)
  world.rest()
}

class World {
  #nowMs = 1000
  readonly #db = new Database(this.#nowMs)
  #room: Room | undefined
  readonly #subs: (Sub | undefined)[] = Array.from({ length: SLOTS })
  #questions: Question[] = []
  #events: Hint[] = []
  #signals: { readonly userId: string; readonly memberVersion: number }[] = []
  readonly #isBehind: boolean[] = Array.from({ length: SLOTS }, () => false)
  #keptBytes = 120
  #epochs = 1
  #hadUnmarkedRestore = false
  /** The question that is being answered. */
  #asked: Asked | undefined

  act([act, n, m]: Step): void {
    this.#nowMs += 1
    switch (act) {
      case 'commit': {
        const count = n % 23 === 0 ? MAX_RESUME + 3 : 1 + (n % 3)
        for (let i = 0; i < count; i += 1) {
          const row = this.#db.commit()
          const { epoch } = this.#db
          this.#events.push({ seq: row.seq, epoch, row: (m + i) % 5 === 0 ? undefined : row })
        }
        return
      }
      case 'deliver': {
        // Mostly in order, some together.
        const index = m % 4 === 0 ? n % Math.max(1, this.#events.length) : 0
        const events = this.#events.slice(index, index + 1 + (n % 3))
        if (m % 7 !== 0) this.#events.splice(index, events.length)
        this.#hear(...events)
        return
      }
      case 'lose':
        if (m % 3 === 0) this.#signals.splice(n % Math.max(1, this.#signals.length), 1)
        else this.#events.splice(n % Math.max(1, this.#events.length), 1)
        return
      case 'replay': {
        const row = this.#db.row(1 + (n % Math.max(1, this.#db.head)))
        const { epoch } = this.#db
        if (row !== undefined) this.#hear({ seq: row.seq, epoch, row: m % 2 === 0 ? row : undefined })
        return
      }
      case 'rumour':
        this.#hear({ seq: this.#db.head + 1 + (n % 20), epoch: undefined, row: undefined })
        return
      case 'snapshot': {
        const question = this.#questions[n % Math.max(1, this.#questions.length)]
        if (question !== undefined) this.#lookUp(question, m)
        return
      }
      case 'answer':
        this.#answer(n % Math.max(1, this.#questions.length), m)
        return
      case 'fail':
        this.#fail(n % Math.max(1, this.#questions.length))
        return
      case 'slice':
        this.#slice(1 + (n % 3))
        return
      case 'sweep':
        this.#sweep()
        return
      case 'join':
        this.#join(n % SLOTS, m)
        return
      case 'leave':
        this.#leave(n % SLOTS)
        return
      case 'add':
        this.#db.add(USERS[n % USERS.length] ?? 'ann', this.#nowMs)
        return
      case 'remove': {
        const userId = USERS[n % USERS.length] ?? 'ann'
        if (!this.#db.remove(userId, this.#nowMs)) return
        this.#signals.push({ userId, memberVersion: this.#db.memberVersion })
        return
      }
      case 'signal': {
        const index = n % Math.max(1, this.#signals.length)
        const signal = this.#signals[index]
        if (signal === undefined) return
        if (m % 5 !== 0) this.#signals.splice(index, 1)
        if (this.#room !== undefined) this.#feed(this.#room, { type: 'removed', ...signal })
        return
      }
      case 'tick':
        this.#nowMs += TICKS_MS[n % TICKS_MS.length] ?? 0
        return
      case 'congest':
        this.#isBehind[n % SLOTS] = m % 3 !== 0
        return
      case 'keep':
        this.#keptBytes = KEPT_BYTES[n % KEPT_BYTES.length] ?? 0
        return
      case 'restore':
        this.#restore(n, m)
        return
    }
  }

  /** Nothing is committed, removed or lost any more, and no event comes: sweeps are what is left. */
  rest(): void {
    this.#events = []
    this.#isBehind.fill(false)
    for (let sweep = 0; sweep < LAST_SWEEPS; sweep += 1) {
      this.#nowMs += SWEEP_MS
      this.#sweep()
      this.#settle()
    }
    this.#expectEverybodyAtHead()
    // Whoever comes now is served.
    for (let slot = 0; slot < SLOTS; slot += 1) this.#join(slot, slot * 7)
    this.#settle()
    for (const sub of this.#subs) {
      const isMember = sub !== undefined && this.#db.members.has(sub.userId)
      must(
        sub === undefined || (sub.status === 'joined') === isMember,
        `in the end ${sub?.userId} is ${sub?.status}`,
      )
    }
    this.#expectEverybodyAtHead()
  }

  #settle(): void {
    for (let step = 0; ; step += 1) {
      must(step < REST_STEPS, 'it does not come to rest')
      this.#nowMs += step % 64 === 0 ? 1 : 0
      if (this.#room?.flush !== undefined) this.#slice(SLOTS)
      else if (this.#questions.length > 0) this.#answer(0, step)
      else return
    }
  }

  #expectEverybodyAtHead(): void {
    const { head, members } = this.#db
    for (const sub of this.#room?.open ?? []) {
      must(sub.status === 'joined', `a join of ${sub.userId} is never answered`)
      must(members.has(sub.userId), `${sub.userId} is no member and still in the room`)
      must(sub.position === head, `a subscriber stays at ${sub.position}, the head is ${head}`)
      must(this.#room?.state.isLive(sub) === true, 'a subscriber at the head is not live')
      if (this.#hadUnmarkedRestore) continue
      for (const [seq, frame] of sub.received) {
        must(this.#db.row(seq)?.frame.toString() === frame, `row ${seq} is not what is stored`)
      }
    }
  }

  // --- what clients and the database do ------------------------------------------------------------------------------

  #join(slot: number, m: number): void {
    this.#leave(slot)
    const { head } = this.#db
    const near = Math.max(0, head - (m % (MAX_RESUME + 4)))
    const afterSeq = [undefined, 0, near, near, head, head + 1 + (m % 3)][m % 6]
    const sub = new Sub(slot, afterSeq)
    this.#subs[slot] = sub
    this.#room ??= {
      state: new RoomState<Sub>({
        maxResume: MAX_RESUME,
        keptBytes: () => this.#keptBytes,
        isBehind: (it) => this.#isBehind[it.slot] === true,
      }),
      open: new Set(),
      flush: undefined,
      epoch: undefined,
      version: 0,
      checkedAtMs: Number.NEGATIVE_INFINITY,
      seenHead: 0,
    }
    this.#room.open.add(sub)
    this.#feed(this.#room, { type: 'join', sub, afterSeq, nowMs: this.#nowMs })
  }

  #leave(slot: number): void {
    const sub = this.#subs[slot]
    this.#subs[slot] = undefined
    if (sub === undefined) return
    sub.status = 'closed'
    this.#room?.open.delete(sub)
    if (this.#room !== undefined) this.#feed(this.#room, { type: 'leave', sub })
  }

  #hear(...hints: readonly Hint[]): void {
    if (this.#room !== undefined) this.#feed(this.#room, { type: 'messages', hints, nowMs: this.#nowMs })
  }

  #restore(n: number, m: number): void {
    const head = Math.floor((this.#db.head * (n % 8)) / 8)
    const isMarked = m % 4 !== 0
    if (isMarked) this.#epochs += 1
    else this.#hadUnmarkedRestore = true
    const user = USERS[m % USERS.length] ?? 'ann'
    this.#db.restore(head, isMarked ? { epoch: `epoch-${this.#epochs}`, user } : undefined, this.#nowMs)
    // What was lost is heard of all the same; by its epoch alone can its row be told from another.
    if (!isMarked) this.#events = this.#events.map((hint) => ({ ...hint, row: undefined }))
  }

  // --- what the edge does, with arbitrary delays ---------------------------------------------------------------------

  #ask(room: Room): Asked {
    const { head, last } = room.state
    return { room, atMs: this.#nowMs, head, last, seenHead: Math.max(room.seenHead, last) }
  }

  #sweep(): void {
    const room = this.#room
    if (room === undefined || this.#questions.some(({ kind }) => kind === 'check')) return
    this.#questions.push({ kind: 'check', room, asked: this.#ask(room) })
  }

  /** A question that waits for the socket to drain is asked; one that is asked sees the database of now. */
  #lookUp(question: Question, m: number): void {
    if (question.kind === 'read' && question.asked === undefined) {
      question.asked = this.#ask(question.room)
      return
    }
    if (question.read !== undefined) return
    const pageRows = 1 + (m % 5)
    if (question.kind === 'read') {
      const maxMissing = question.isPage ? UNLIMITED : MAX_RESUME
      question.read = this.#db.read(question.sub.userId, question.afterSeq, maxMissing, pageRows)
    } else if (question.kind === 'rows') {
      question.read = this.#db.read(null, question.afterSeq, UNLIMITED, pageRows)
    } else if (question.kind === 'check') {
      question.read = this.#db.read(null, null, 0, 0)
    } else {
      const members = new Set([...question.users].filter((user) => this.#db.members.has(user)))
      const { memberVersion: version, head, epoch } = this.#db
      question.read = { version, members, head, epoch }
    }
  }

  #answer(index: number, m: number): void {
    const question = this.#questions[index]
    if (question === undefined) return
    const isDraining = question.kind === 'read' && question.asked === undefined
    this.#lookUp(question, m)
    if (isDraining) return
    this.#questions.splice(index, 1)
    this.#feedAnswer(question)
  }

  #feedAnswer(question: Question): void {
    const { room, asked } = question
    const nowMs = this.#nowMs
    if (asked === undefined) return
    this.#asked = asked
    const at = { askedHead: asked.head, askedAtMs: asked.atMs, nowMs }
    if (question.kind === 'read' && question.read !== undefined) {
      this.#feed(room, { type: 'read', sub: question.sub, read: question.read, ...at })
    } else if (question.kind === 'rows' && question.read !== undefined) {
      this.#feed(room, { type: 'rows', read: question.read, ...at })
    } else if (question.kind === 'check' && question.read !== undefined) {
      const { head, memberVersion, epoch } = question.read
      this.#feed(room, { type: 'checked', head, memberVersion, epoch, ...at })
    } else if (question.kind === 'members' && question.read !== undefined) {
      this.#feed(room, { type: 'members', ...question.read, asked: question.users, ...at })
    }
    this.#asked = undefined
  }

  #fail(index: number): void {
    const question = this.#questions[index]
    if (question === undefined || (question.kind === 'read' && question.asked === undefined)) return
    this.#questions.splice(index, 1)
    if (question.kind === 'read') this.#feed(question.room, { type: 'readFailed', sub: question.sub })
    else if (question.kind === 'rows') this.#feed(question.room, { type: 'rowsFailed' })
  }

  /** Serves some of a flush, as rooms.ts does: who is not live any more is passed over. */
  #slice(count: number): void {
    const room = this.#room
    const flush = room?.flush
    if (room === undefined || flush === undefined) return
    for (const sub of flush.subs.slice(flush.served, flush.served + count)) {
      if (!room.state.isLive(sub)) continue
      if (this.#isBehind[sub.slot] === true) flush.behind.push(sub)
      else this.#write(room, sub, flush.rows, flush.startedAtMs)
    }
    flush.served += count
    if (flush.served < flush.subs.length) return
    room.flush = undefined
    this.#feed(room, { type: 'flushed', behind: flush.behind, nowMs: this.#nowMs })
  }

  #feed(room: Room, event: Event): void {
    if (this.#room !== room) return
    const check = this.#expectationOf(room, event)
    const effects = room.state.apply(event)
    for (const effect of effects) this.#run(room, event, effect)
    check(effects)
    this.#expectSound(room)
    if (room.state.isEmpty) this.#room = undefined
  }

  // --- what must be true ---------------------------------------------------------------------------------------------

  /** What the design wants of an event; the answer judges the effects, after they have run. */
  #expectationOf(room: Room, event: Event): (effects: readonly RoomEffect<Sub>[]) => void {
    const asked = this.#asked
    if (event.type === 'join') return this.#expectOfJoin(room, event)
    if (event.type === 'removed') return this.#expectOfRemoval(room, event)
    if (event.type === 'members') return this.#expectOfMembers(room, event, asked)
    if (event.type === 'read' && room.open.has(event.sub)) return this.#expectOfRead(room, event, asked)
    if (event.type === 'rows') return this.#expectOfRows(room, event, asked)
    if (event.type === 'messages') return () => this.#expectHeard(room, event.hints)
    if (event.type === 'checked' && room.epoch !== undefined) return this.#expectOfCheck(room, event, asked)
    return () => {}
  }

  #expectOfJoin(room: Room, { sub }: EventOf<'join'>) {
    const isRefused = room.epoch !== undefined && this.#isStale(room)
    return () =>
      must((sub.status === 'closed') === isRefused, 'a join is refused iff the room was not checked of late')
  }

  #expectOfRemoval(room: Room, { userId, memberVersion }: EventOf<'removed'>) {
    for (const sub of room.open) {
      if (sub.userId === userId && sub.status === 'asked')
        sub.signalled = Math.max(sub.signalled, memberVersion)
    }
    const doomed = [...room.open].filter(
      (sub) => sub.userId === userId && sub.status === 'joined' && sub.version < memberVersion,
    )
    return () => must(doomed.every(isClosed), 'a removal that was heard of does not evict')
  }

  #expectOfMembers(room: Room, event: EventOf<'members'>, wasAsked: Asked | undefined) {
    const restored = this.#expectOfLook(room, event, wasAsked)
    if (restored !== undefined) return restored
    const { version, members, asked, askedAtMs } = event
    if (version < room.version) return () => {}
    const older = [...room.open].filter((sub) => sub.status === 'joined' && sub.version < version)
    const doomed = older.filter(({ userId }) => asked.has(userId) && !members.has(userId))
    // Set by a look at every socket only.
    if (older.every(({ userId }) => asked.has(userId))) {
      room.version = version
      if (room.epoch !== undefined) room.checkedAtMs = Math.max(room.checkedAtMs, askedAtMs)
    }
    return () => {
      must(doomed.every(isClosed), 'who was not among the members stays')
      for (const sub of older) if (members.has(sub.userId)) sub.version = version
    }
  }

  /** A look that shows another database, or one that went back. */
  #expectOfLook(room: Room, { head, epoch }: { head: number; epoch: string }, asked: Asked | undefined) {
    if (asked === undefined) return undefined
    const isRestored = head < asked.last || (room.epoch !== undefined && epoch !== room.epoch)
    const mayBeRestored = isRestored || head < asked.seenHead
    room.seenHead = Math.max(room.seenHead, head)
    if (!mayBeRestored) return undefined
    return (effects: readonly RoomEffect<Sub>[]) => {
      const hasClosed = effects.length === 1 && effects[0]?.type === 'restored'
      must(hasClosed || !isRestored, 'a restore goes unnoticed')
    }
  }

  #expectOfRows(room: Room, { read }: EventOf<'rows'>, asked: Asked | undefined) {
    const restored = this.#expectOfLook(room, read, asked)
    if (restored !== undefined) return restored
    const isFar = read.head > room.state.last + MAX_RESUME
    if (!isFar || room.flush !== undefined || this.#isStale(room)) return () => {}
    return () => must(room.state.last === read.head, 'a room far behind does not start anew')
  }

  /** What was heard of is delivered, or read. */
  #expectHeard(room: Room, hints: readonly Hint[]): void {
    if (room.flush !== undefined || this.#isStale(room)) return
    const isRead = this.#questions.some((it) => it.kind === 'rows' && it.room === room)
    for (const { seq, epoch = room.epoch } of hints) {
      if (room.epoch === undefined || room.epoch !== epoch) continue
      must(seq <= room.state.last || isRead, 'a gap is not read')
    }
  }

  #expectOfRead(room: Room, { sub, read, askedAtMs }: EventOf<'read'>, asked: Asked | undefined) {
    const restored = this.#expectOfLook(room, read, asked)
    if (restored !== undefined) return restored
    const isTooOld = this.#nowMs - askedAtMs > STALE_AFTER_MS
    const isOutdated = read.memberVersion < Math.max(room.version, sub.version, sub.signalled)
    const before = sub.status
    if (isTooOld || isOutdated) {
      return (effects: readonly RoomEffect<Sub>[]) => {
        must(sub.status === before || sub.status === 'closed', 'a read that does not count is answered')
        must(!effects.some(({ type }) => type === 'write'), 'a read that does not count is written')
      }
    }
    if (!read.isMember) return () => must(sub.status === 'closed', 'who is no member stays')
    sub.version = read.memberVersion
    if (room.epoch === undefined) {
      room.epoch = read.epoch
      room.version = read.memberVersion
      room.checkedAtMs = askedAtMs
    }
    return () => must(sub.status === 'joined', 'a member is not let in')
  }

  #expectOfCheck(room: Room, event: EventOf<'checked'>, asked: Asked | undefined) {
    const restored = this.#expectOfLook(room, event, asked)
    if (restored !== undefined) return restored
    const isNewer = event.memberVersion > room.version
    if (!isNewer) room.checkedAtMs = Math.max(room.checkedAtMs, event.askedAtMs)
    return (effects: readonly RoomEffect<Sub>[]) =>
      must(effects.some(({ type }) => type === 'readMembers') || !isNewer, 'a newer membership is not read')
  }

  #isStale(room: Room): boolean {
    return this.#nowMs - room.checkedAtMs > STALE_AFTER_MS
  }

  #run(room: Room, event: Event, effect: RoomEffect<Sub>): void {
    switch (effect.type) {
      case 'readJoin':
      case 'readPage': {
        const { sub, type, afterSeq } = effect
        must(room.open.has(sub), 'a read for nobody')
        must(!this.#questions.some((it) => it.kind === 'read' && it.sub === sub), 'two reads of one join')
        const isPage = type === 'readPage'
        must(isPage === (sub.status === 'joined'), `${type} of a join that is ${sub.status}`)
        must(
          !isPage || afterSeq === sub.position,
          `a page after ${afterSeq} for who stands at ${sub.position}`,
        )
        const asked = isPage ? {} : { asked: this.#ask(room) }
        // A socket that is just reading another room's page gets no rows with its answer.
        const position = isPage || sub.slot % 2 === 0 ? (afterSeq ?? null) : null
        this.#questions.push({ kind: 'read', room, sub, afterSeq: position, isPage, ...asked })
        return
      }
      case 'readRows':
        must(!this.#questions.some((it) => it.kind === 'rows' && it.room === room), 'two reads of a gap')
        must(!this.#isStale(room), 'a stale room reads rows')
        this.#questions.push({ kind: 'rows', room, afterSeq: effect.afterSeq, asked: this.#ask(room) })
        return
      case 'readMembers': {
        const users = new Set([...room.open].map(({ userId }) => userId))
        this.#questions.push({ kind: 'members', room, users, asked: this.#ask(room) })
        return
      }
      case 'joined':
        this.#joined(room, event, effect)
        return
      case 'refused':
        must(effect.sub.status === 'asked', `refused although ${effect.sub.status}`)
        this.#close(room, effect.sub)
        return
      case 'write':
        must(
          !this.#isStale(room) || (event.type === 'read' && event.sub === effect.sub),
          'a stale room delivers',
        )
        this.#write(room, effect.sub, effect.rows, this.#nowMs)
        return
      case 'flush':
        this.#startFlush(room, effect)
        return
      case 'evicted':
        this.#expectReason(event, effect.sub)
        this.#close(room, effect.sub)
        return
      case 'restored':
        must(effect.subs.length === room.open.size, 'a restore forgets some')
        for (const sub of effect.subs) this.#close(room, sub)
        must(this.#asked !== undefined, 'restored out of nothing')
        return
    }
  }

  #joined(room: Room, event: Event, effect: Extract<RoomEffect<Sub>, { type: 'joined' }>): void {
    const { sub, headSeq, epoch, recovered, reason } = effect
    if (sub.status === 'joined') {
      const isAnew = event.type === 'rows' && recovered === false && reason === 'too_far'
      must(isAnew && headSeq === event.read.head, 'an unasked answer that is no new start')
      must(!this.#isStale(room), 'a stale room starts anew')
      must(room.flush === undefined, 'a new start amid a flush')
      must(headSeq > sub.position + MAX_RESUME, 'a new start without need')
    } else {
      must(sub.status === 'asked' && event.type === 'read' && event.sub === sub, 'an answer to nobody')
      must(headSeq === event.read.head && epoch === event.read.epoch, 'an answer of no read')
      const { afterSeq } = sub
      const isReset = afterSeq !== undefined && afterSeq > headSeq
      const isTooFar = afterSeq !== undefined && headSeq - afterSeq > MAX_RESUME
      must((recovered === undefined) === (afterSeq === undefined), 'recovered says nothing, or too much')
      must((recovered === false) === (isReset || isTooFar), 'recovered does not say the truth')
      must(reason === (isReset ? 'reset' : isTooFar ? 'too_far' : undefined), 'a wrong reason')
    }
    sub.status = 'joined'
    sub.position = recovered === true ? (sub.afterSeq ?? headSeq) : headSeq
    sub.received.clear()
  }

  #startFlush(room: Room, { subs, rows }: Extract<RoomEffect<Sub>, { type: 'flush' }>): void {
    must(room.flush === undefined, 'two flushes at once')
    must(!this.#isStale(room), 'a stale room flushes')
    must(rows.length > 0 && rows.length <= MAX_WAITING_ROWS, `a flush of ${rows.length} rows`)
    must(rows.at(-1)?.seq === room.state.last, 'a flush that does not end at last')
    must(new Set(subs).size === subs.length && subs.length > 0, 'a flush to nobody, or twice to one')
    room.flush = { subs, rows, behind: [], startedAtMs: this.#nowMs, served: 0 }
  }

  #expectReason(event: Event, sub: Sub): void {
    must(sub.status === 'joined', `evicted although ${sub.status}`)
    const isSignalled =
      event.type === 'removed' && event.userId === sub.userId && sub.version < event.memberVersion
    const isMissing =
      event.type === 'members' &&
      event.asked.has(sub.userId) &&
      !event.members.has(sub.userId) &&
      sub.version < event.version
    const isRead = event.type === 'read' && event.sub === sub && !event.read.isMember
    must(isSignalled || isMissing || isRead, `${sub.userId} is evicted by ${event.type} without reason`)
  }

  #close(room: Room, sub: Sub): void {
    must(room.open.delete(sub), 'closed twice')
    sub.status = 'closed'
    if (this.#subs[sub.slot] === sub) this.#subs[sub.slot] = undefined
  }

  #write(room: Room, sub: Sub, rows: readonly Row[], decidedAtMs: number): void {
    must(sub.status === 'joined', `written although ${sub.status}`)
    const isAllowed = this.#db.wasMember(sub.userId, decidedAtMs - STALE_AFTER_MS, decidedAtMs)
    must(isAllowed, `${sub.userId} is written to long after the removal`)
    for (const { seq, frame } of rows) {
      must(seq === sub.position + 1, `${seq} is written to who stands at ${sub.position}`)
      must(this.#db.everStored.has(frame.toString()), `row ${seq} was never stored`)
      must(!this.#db.isLostIn(room.epoch, frame), `row ${seq} was lost in the restore before`)
      sub.position = seq
      sub.received.set(seq, frame.toString())
    }
  }

  #expectSound(room: Room): void {
    const { state, open, flush } = room
    const subs = state.subscribers
    must(subs.length === open.size && subs.every((sub) => open.has(sub)), 'the state has other subscribers')
    const unserved = new Set(flush?.subs.slice(flush.served))
    const from = (flush?.rows[0]?.seq ?? 1) - 1
    for (const sub of subs) {
      if (!state.isLive(sub)) continue
      const isServed = !unserved.has(sub) && !flush?.behind.includes(sub)
      must(sub.status === 'joined', 'live before it is answered')
      must(sub.position === (isServed ? state.last : from), `live at ${sub.position}, last is ${state.last}`)
    }
  }
}

/** As in `epoch-3`. */
function numberOf(epoch: string): number {
  return Number(epoch.slice('epoch-'.length))
}

function isClosed({ status }: Sub): boolean {
  return status === 'closed'
}
