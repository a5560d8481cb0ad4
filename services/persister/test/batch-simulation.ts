import { setImmediate as nextTurn } from 'node:timers/promises'
import type { EventLog, SubscribeOptions } from '@roomlog/event-log'
import type { EncodedRecord, Topic } from '@roomlog/events'
import { createMetrics } from '@roomlog/service-kit'
import { must, Violation } from '@roomlog/testkit/model-runs'
import { pino } from 'pino'
import { vi } from 'vitest'
import { createBatchHandler } from '../src/batch/handle-batch.ts'
import { PausedPartitions } from '../src/batch/paused-partitions.ts'
import { createPersisterMetrics } from '../src/metrics.ts'
import { BatchOracle, PARTITIONS, ROOM_IDS } from './batch-oracle.ts'
import { ModelDatabase, type ModelTransaction, ServerError, type Statement } from './model-store.ts'

// The way of a batch is the product's own: its handler runs on a database and a log in memory. A reducer of (state,
// event) would have to spell out the stack of halved batches, the attempts of each and the transaction's steps, which
// the language does in the few lines of handle-batch.ts, bisect.ts and store.ts. Those wait in nothing but the calls of
// two ports, of the log's context and of a pause: each such call stands in a list until an act answers, fails, loses or
// cuts it off, and nothing else can happen between two acts. So a list of acts is an interleaving, and can be replayed
// and shrunk; fast-check's own scheduler knows no crash and no answer that is lost.

/** How often each act is drawn. */
export const ACTS = {
  send: 16,
  deliver: 18,
  answer: 40,
  fail: 3,
  lose: 4,
  sever: 1,
  land: 4,
  rebalance: 6,
  tell: 2,
  beat: 1,
  crash: 3,
  restart: 4,
  clock: 1,
} as const

/** An act with two numbers that choose what it meets. */
export type Step = readonly [act: keyof typeof ACTS, n: number, m: number]

const MEMBERS = 2
const MAX_RECORDS = 9
const REST_STEPS = 5000
const HEARTBEAT_MS = 500
/** What PostgreSQL and its driver fail with while the data are fine. */
const TRANSIENT = [undefined, '57P01', '53100', '40001', '40P01', '08006', '42P01']
const CLOCK_JUMPS_MS = [-7_200_000, -1000, 1, 5000, 7_200_000]
const START_MS = 1_800_000_000_000
const ID_TIME_LENGTH = 10
const ID_LENGTH = 26

const log = pino({ level: 'silent' })
const metrics = createPersisterMetrics(createMetrics(), () => 0)

interface Held {
  readonly abort: AbortController
  position: number
}

/** One life of a persister. */
interface Member {
  readonly slot: number
  readonly onBatch: SubscribeOptions['onBatch']
  /** Partitions it takes for its own. */
  readonly held: Map<number, Held>
  /** Partitions of which a batch is under way; those it lost as well. */
  readonly running: Set<number>
  isAlive: boolean
}

/** Something that a member waits for. */
type Call = {
  readonly member: Member
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
} & (
  | { readonly kind: 'statement'; readonly statement: Statement }
  | {
      readonly kind: 'append'
      readonly topic: Topic
      readonly records: readonly EncodedRecord[]
      written: number
    }
  | { readonly kind: 'pause' }
  | { readonly kind: 'offset'; readonly partition: number; readonly position: number }
)

/** What a server may still do for one who does not wait for it any more. */
type InFlight =
  | { readonly kind: 'transaction'; readonly transaction: ModelTransaction; readonly isCommitting: boolean }
  | { readonly kind: 'append'; readonly topic: Topic; readonly records: readonly EncodedRecord[] }

/** Plays the steps, then lets everything come to rest; throws at the first thing that the design forbids. */
export async function simulate(steps: readonly Step[]): Promise<void> {
  const world = new World()
  try {
    for (const step of steps) await world.act(step)
    await world.rest()
  } finally {
    vi.clearAllTimers()
  }
}

class World {
  readonly #database = new ModelDatabase()
  readonly #oracle = new BatchOracle(this.#database)
  readonly #members: (Member | undefined)[] = []
  readonly #owners: number[] = Array.from({ length: PARTITIONS }, (_, partition) => partition % MEMBERS)
  readonly #cursors: number[] = Array.from({ length: PARTITIONS }, () => 0)
  #calls: Call[] = []
  #inFlight: InFlight[] = []
  /** Each machine's own. */
  readonly #clocksMs: number[] = Array.from({ length: MEMBERS }, () => START_MS)
  #ids = 0
  /** Thrown where the product's own error handling would swallow it. */
  #violation: unknown

  constructor() {
    this.#database.createRooms(ROOM_IDS)
    this.#database.onCommitted = (row) => this.#judge(() => this.#oracle.committed(row))
    this.#database.onConflict = () =>
      this.#judge(() => must(false, 'lock holders meet a conflict, or write without the lock'))
    for (let slot = 0; slot < MEMBERS; slot += 1) this.#members.push(this.#newMember(slot))
  }

  async act([act, n, m]: Step): Promise<void> {
    this.#perform(act, n, m)
    await this.#settle()
  }

  #perform(act: Step[0], n: number, m: number): void {
    const call = this.#calls[n % Math.max(1, this.#calls.length)]
    const slot = n % MEMBERS
    switch (act) {
      case 'send':
        for (let i = 0; i <= m % 3; i += 1) this.#oracle.send(n + i * 5, m + i)
        return
      case 'deliver':
        this.#deliver(slot, m % PARTITIONS, 1 + (n % MAX_RECORDS))
        return
      case 'answer':
        if (call !== undefined) this.#answer(call)
        return
      case 'fail':
        if (call !== undefined) this.#fail(call, m)
        return
      case 'lose':
        if (call !== undefined) this.#lose(call, m)
        return
      case 'sever':
        if (call?.kind === 'statement') call.statement.transaction.rollBack()
        return
      case 'land':
        this.#land(n, m)
        return
      case 'rebalance':
        this.#owners[m % PARTITIONS] = slot
        return
      case 'tell':
        this.#tell(slot)
        return
      case 'beat':
        vi.advanceTimersByTime(HEARTBEAT_MS)
        return
      case 'crash':
        this.#crash(slot)
        return
      case 'restart':
        this.#members[slot] ??= this.#newMember(slot)
        return
      case 'clock':
        this.#clocksMs[slot] = this.#nowMs(slot) + (CLOCK_JUMPS_MS[m % CLOCK_JUMPS_MS.length] ?? 0)
        return
    }
  }

  /** Lets everybody run who does not wait for a call. */
  async #settle(): Promise<void> {
    await nextTurn()
    if (this.#violation !== undefined) throw this.#violation
  }

  /** Everybody runs again, nothing fails any more: all that was accepted comes to its end. */
  async rest(): Promise<void> {
    for (let step = 0; ; step += 1) {
      must(step < REST_STEPS, 'it does not come to rest')
      for (let slot = 0; slot < MEMBERS; slot += 1) {
        this.#members[slot] ??= this.#newMember(slot)
        this.#tell(slot)
      }
      while (this.#inFlight.length > 0) this.#land(0, step)
      await this.#settle()
      const isAnswered = this.#calls.some((call) => this.#answer(call))
      if (!isAnswered) {
        must(this.#calls.length === 0, 'writers lock each other out')
        if (this.#cursors.every((cursor, p) => cursor === this.#oracle.logs[p]?.length)) break
        for (const [partition, slot] of this.#owners.entries()) {
          // A position whose commit was lost is committed with the next beat.
          this.#commitOffset(partition, this.#members[slot]?.held.get(partition)?.position ?? 0)
          this.#deliver(slot, partition, MAX_RECORDS)
        }
      }
      await this.#settle()
    }
    this.#oracle.atRest()
  }

  // --- the log -------------------------------------------------------------------------------------------------------

  #newMember(slot: number): Member {
    const ports = {
      eventLog: this.#eventLog(() => member),
      store: this.#database.store((statement) => this.#wait(member, { kind: 'statement', statement })),
      pause: (_ms: number, signal: AbortSignal) => this.#wait(member, { kind: 'pause' }, signal),
      freshId: () => this.#freshId(slot),
    }
    const onBatch = createBatchHandler({ ...ports, log, metrics, paused: new PausedPartitions() })
    const member: Member = { slot, onBatch, held: new Map(), running: new Set(), isAlive: true }
    return member
  }

  #nowMs(slot: number): number {
    return this.#clocksMs[slot] ?? START_MS
  }

  /** As a ULID is made: the clock's time, then what tells it from others. */
  #freshId(slot: number): string {
    this.#ids += 1
    const [time, rest] = [this.#nowMs(slot).toString(32), this.#ids.toString(32)]
    return inAlphabet(time.padStart(ID_TIME_LENGTH, '0') + rest.padStart(ID_LENGTH - ID_TIME_LENGTH, '0'))
  }

  #eventLog(member: () => Member): EventLog {
    const appendAll: EventLog['appendAll'] = (topic, records, signal) =>
      this.#wait(member(), { kind: 'append', topic, records, written: 0 }, signal)
    // Of the log the handler has the one method.
    return { appendAll } as Partial<EventLog> as EventLog
  }

  /** A member that is not told of a rebalance goes on with what it takes for its own. */
  #deliver(slot: number, partition: number, count: number): void {
    const member = this.#members[slot]
    if (member === undefined || member.running.has(partition)) return
    if (!member.held.has(partition) && this.#owners[partition] === slot) {
      const position = this.#cursors[partition] ?? 0
      member.held.set(partition, { abort: new AbortController(), position })
    }
    const held = member.held.get(partition)
    if (held === undefined) return
    const records = this.#oracle.logs[partition]?.slice(held.position, held.position + count) ?? []
    if (records.length === 0) return
    member.running.add(partition)
    let isLost = false
    const heartbeat = async () => {
      if (!member.isAlive || this.#owners[partition] === slot) return
      isLost = true
      this.#drop(member, partition)
      throw new Error('rebalance in progress')
    }
    const ended = (done: number) => {
      member.running.delete(partition)
      if (done === 0 || member.held.get(partition) !== held) return
      held.position += done
      void this.#wait(member, { kind: 'offset', partition, position: held.position })
    }
    member.onBatch({ partition, records }, { signal: held.abort.signal, heartbeat }).then(
      (done) => {
        this.#judge(() => must(done === records.length, `${done} of ${records.length} records are done`))
        ended(done ?? 0)
      },
      (error: unknown) => {
        const isToldTo = isLost || held.abort.signal.aborted
        this.#judge(() => must(isToldTo, `a batch is given up: ${String(error)}`))
        ended(0)
      },
    )
  }

  #tell(slot: number): void {
    const member = this.#members[slot]
    for (const partition of [...(member?.held.keys() ?? [])]) {
      if (member !== undefined && this.#owners[partition] !== slot) this.#drop(member, partition)
    }
  }

  #drop(member: Member, partition: number): void {
    member.held.get(partition)?.abort.abort(new Error('no longer its own'))
    member.held.delete(partition)
  }

  /** The position of a member that is no owner any more counts as well: what it says is done has to be done. */
  #commitOffset(partition: number, position: number): void {
    const cursor = this.#cursors[partition] ?? 0
    if (position <= cursor) return
    this.#judge(() => this.#oracle.done(partition, cursor, position))
    this.#cursors[partition] = position
  }

  #write(topic: Topic, records: readonly EncodedRecord[]): void {
    for (const record of records) this.#judge(() => this.#oracle.appended(topic, record))
  }

  // --- what members wait for -----------------------------------------------------------------------------------------

  #wait(member: Member, what: Waiting, signal?: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const call = { ...what, member, resolve, reject }
    this.#calls.push(call)
    signal?.addEventListener('abort', () => {
      if (!member.isAlive || !this.#calls.includes(call)) return
      this.#abandon(call)
      reject(signal.reason)
    })
    return promise
  }

  #remove(call: Call): void {
    this.#calls = this.#calls.filter((it) => it !== call)
  }

  /** False when it has to wait. */
  #answer(call: Call): boolean {
    if (call.kind === 'statement') {
      try {
        if (!call.statement.run()) return false
      } catch (error) {
        this.#remove(call)
        call.reject(error)
        return true
      }
    }
    if (call.kind === 'append') this.#write(call.topic, call.records.slice(call.written))
    if (call.kind === 'offset') this.#commitOffset(call.partition, call.position)
    this.#remove(call)
    call.resolve()
    return true
  }

  #fail(call: Call, m: number): void {
    if (call.kind !== 'statement') {
      this.#lose(call, m)
      return
    }
    this.#remove(call)
    call.statement.transaction.rollBack()
    call.reject(new ServerError(TRANSIENT[m % TRANSIENT.length]))
  }

  /** It was done, wholly or in part, and nobody hears of it. */
  #lose(call: Call, m: number): void {
    switch (call.kind) {
      case 'statement': {
        const { kind, transaction } = call.statement
        this.#remove(call)
        if (kind === 'commit') transaction.applyCommit()
        else transaction.rollBack()
        call.reject(new ServerError(undefined))
        return
      }
      case 'append': {
        // The log's own loop appends again what it has no answer for.
        const end = call.written + 1 + (m % call.records.length)
        this.#write(call.topic, call.records.slice(call.written, end))
        if (m % 2 === 0) call.written = Math.min(end, call.records.length)
        return
      }
      case 'offset':
        this.#remove(call)
        return
      case 'pause':
        return
    }
  }

  // --- crashes -------------------------------------------------------------------------------------------------------

  #crash(slot: number): void {
    const member = this.#members[slot]
    if (member === undefined) return
    this.#members[slot] = undefined
    member.isAlive = false
    for (const call of this.#calls) if (call.member === member) this.#abandon(call)
  }

  /** Nobody waits for it any more; the server may still be at it. */
  #abandon(call: Call): void {
    this.#remove(call)
    if (call.kind === 'statement') {
      const { transaction, kind } = call.statement
      this.#inFlight.push({ kind: 'transaction', transaction, isCommitting: kind === 'commit' })
    } else if (call.kind === 'append') {
      this.#inFlight.push({ kind: 'append', topic: call.topic, records: call.records.slice(call.written) })
    }
  }

  #land(n: number, m: number): void {
    const [landed] = this.#inFlight.splice(n % Math.max(1, this.#inFlight.length), 1)
    if (landed?.kind === 'append') {
      this.#write(landed.topic, landed.records.slice(0, m % (landed.records.length + 1)))
    } else if (landed?.isCommitting === true && m % 2 === 0) {
      landed.transaction.applyCommit()
    } else {
      landed?.transaction.rollBack()
    }
  }

  #judge(check: () => void): void {
    try {
      check()
    } catch (error) {
      this.#violation ??= error instanceof Violation ? error : new Violation(String(error))
    }
  }
}

type Waiting = Call extends infer C
  ? C extends Call
    ? Omit<C, 'member' | 'resolve' | 'reject'>
    : never
  : never

/** Digits of base 32 as JavaScript writes them, in Crockford's letters, which leave out I, L, O and U. */
function inAlphabet(digits: string): string {
  const letters = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
  return [...digits].map((digit) => letters[Number.parseInt(digit, 32)]).join('')
}
