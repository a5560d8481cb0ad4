import { setTimeout as delay } from 'node:timers/promises'
import type { Database } from '@roomlog/db'
import type { LogReader, Positions } from '@roomlog/event-log'
import { CreatedPass, findRows, type Suspect, sizeOf } from './created.ts'
import { DeadLetters } from './dead-letters.ts'
import { CLOCKS_DIFFER_MS } from './explained.ts'
import { altered, removed, unpublished, unstored } from './finding-texts.ts'
import { type Counts, type Finding, Findings } from './findings.ts'
import { recall, remember } from './memory.ts'
import { makePlan, type Plan, type PlanOptions } from './plan.ts'
import { PublishedPass } from './published.ts'
import { checkAllRooms, checkTouchedRooms } from './rooms.ts'
import { type Place, rowsAt, type StoredRow } from './rows.ts'

export interface AuditOptions extends Omit<PlanOptions, 'audited'> {
  /** How long a record may be under way, milliseconds. */
  readonly olderThanMs: number
  /** What is found now need not be found again. */
  readonly accept: boolean
}

export interface AuditReport {
  readonly startedAt: Date
  readonly durationMs: number
  readonly full: boolean
  /** Created records that were looked at now. */
  readonly audited: number
  /** Those still to be looked at: too young, or behind a finding. */
  readonly notYet: number
  readonly counts: Counts
  /** The first of each kind. */
  readonly findings: readonly Finding[]
  /** What a repair can append and publish again. */
  readonly lost: readonly Suspect[]
  readonly unpublished: readonly Place[]
}

/** What persisters have in hand is stored, published and committed by then, unless they are in trouble. */
const SETTLE_MS = 1000
const PLACES_AT_MOST = 500
const REPAIRS_AT_MOST = 1000

export async function audit(
  reader: LogReader,
  db: Database['db'],
  options: AuditOptions,
): Promise<AuditReport> {
  // A database that was restored lacks what was in order before: its epoch is another, and nothing of it is audited yet.
  const { epoch } = await db.selectFrom('chat.cluster').select('epoch').executeTakeFirstOrThrow()
  return new Audit(reader, db, options, epoch).run()
}

/**
 * One comparison of the log with the database. The order of its reads makes it right beside working persisters: their
 * position, the records, the rows, what was published; of what is missing then the dead letters, the rows again, and
 * what was published meanwhile. A record below the position is in no persister's hand: it has its row, or is dead, and
 * is published. One above may still get there.
 */
class Audit {
  readonly #reader: LogReader
  readonly #db: Database['db']
  readonly #options: AuditOptions
  readonly #epoch: string
  readonly #startedAt = new Date()
  readonly #findings = new Findings()
  /** Of each partition the first record that the next audit has to look at again. */
  readonly #held = new Map<number, bigint>()
  readonly #lost: Suspect[] = []
  readonly #unpublished: Place[] = []

  constructor(reader: LogReader, db: Database['db'], options: AuditOptions, epoch: string) {
    this.#reader = reader
    this.#db = db
    this.#options = options
    this.#epoch = epoch
  }

  async run(): Promise<AuditReport> {
    const plan = await makePlan(this.#reader, {
      ...this.#options,
      audited: await recall(this.#db, this.#epoch),
    })
    for (const [partition, range] of plan.removed) this.#findings.add(removed(partition, range))
    const pass = await this.#readCreated(plan)
    const published = new PublishedPass({
      reader: this.#reader,
      db: this.#db,
      audited: pass.stored,
      auditedTo: pass.reached,
    })
    const readTo = await this.#readPublished(published, plan.publishedFrom)
    if (pass.suspects.some((it) => !isFinished(plan, it.partition, it.offset))) await delay(SETTLE_MS)
    const letters = new DeadLetters(this.#reader)
    await letters.readWaiting()
    await this.#judgeSuspects(plan, pass, letters)
    await this.#judgePublished(plan, pass, published, readTo)
    await letters.report(this.#db, this.#findings)
    await this.#checkRooms(pass)
    return this.#report(plan, pass, await this.#commit(plan, pass, published))
  }

  async #readCreated(plan: Plan): Promise<CreatedPass> {
    const nowMs = this.#startedAt.getTime()
    const pass = new CreatedPass({
      reader: this.#reader,
      db: this.#db,
      ranges: plan.created,
      before: new Date(nowMs - this.#options.olderThanMs),
      latest: new Date(nowMs + CLOCKS_DIFFER_MS),
      isPassed: (partition, offset) => isFinished(plan, partition, offset),
      isPublishedKept: plan.isPublishedKept,
    })
    await pass.run()
    return pass
  }

  /** Resolves with where the reading ended. */
  async #readPublished(published: PublishedPass, from: Positions): Promise<Positions> {
    const bounds = await this.#reader.bounds('persisted')
    const start = (partition: number) => from.get(partition) ?? 0n
    await published.run(new Map([...bounds].map(([p, { end }]) => [p, { from: start(p), end }])))
    return new Map([...bounds].map(([p, { end }]) => [p, end]))
  }

  async #judgeSuspects(plan: Plan, pass: CreatedPass, letters: DeadLetters): Promise<void> {
    if (pass.suspects.some((it) => !letters.has(it))) await letters.readOlder()
    const rows = await findRows(this.#db, pass.suspects)
    for (const suspect of pass.suspects) {
      const row = rows.get(suspect)
      if (row !== undefined) pass.resolve(suspect, row)
      else if (!letters.has(suspect)) this.#reportUnstored(plan, suspect)
    }
    for (const { suspect, row } of pass.altered) {
      this.#findings.add(altered(suspect, row))
      this.#hold(suspect.partition, suspect.offset)
    }
  }

  #reportUnstored(plan: Plan, suspect: Suspect): void {
    const { partition, offset } = suspect
    const isLost = isFinished(plan, partition, offset)
    this.#findings.add(unstored(suspect, plan.persistersAt.get(partition) ?? 0n, isLost))
    if (isLost && this.#lost.length < REPAIRS_AT_MOST) this.#lost.push(suspect)
    if (isLost) this.#hold(partition, offset)
    else this.#keep(partition, offset)
  }

  async #judgePublished(
    plan: Plan,
    pass: CreatedPass,
    published: PublishedPass,
    readTo: Positions,
  ): Promise<void> {
    if (pass.published.without(published.places).next().done === true) return
    await this.#readPublished(published, readTo)
    const missing = [...pass.published.without(published.places)]
    for (let i = 0; i < missing.length; i += PLACES_AT_MOST) {
      const { rows } = await rowsAt(missing.slice(i, i + PLACES_AT_MOST)).execute(this.#db)
      for (const row of rows) {
        if (published.trimmed.has(row.partition)) continue
        if (isFinished(plan, row.partition, BigInt(row.offset))) this.#reportUnpublished(row)
        else this.#keep(row.partition, BigInt(row.offset))
      }
    }
  }

  #reportUnpublished(row: StoredRow): void {
    const { roomId, seq, partition, offset } = row
    this.#findings.add(unpublished(row))
    if (this.#unpublished.length < REPAIRS_AT_MOST) this.#unpublished.push({ roomId, seq })
    this.#hold(partition, BigInt(offset))
  }

  async #checkRooms(pass: CreatedPass): Promise<void> {
    const options = {
      reader: this.#reader,
      db: this.#db,
      findings: this.#findings,
      explained: pass.explained,
      auditedTo: pass.reached,
    }
    if (this.#options.full) return checkAllRooms(this.#reader.partitions, options)
    for (const roomId of await checkTouchedRooms(pass, options)) {
      const touched = pass.touched.get(roomId)
      if (touched !== undefined) this.#hold(touched.partition, touched.offset)
    }
  }

  /** A finding is told by each run until it is gone or accepted. */
  #hold(partition: number, offset: bigint): void {
    if (!this.#options.accept) this.#keep(partition, offset)
  }

  #keep(partition: number, offset: bigint): void {
    const held = this.#held.get(partition)
    if (held === undefined || offset < held) this.#held.set(partition, offset)
  }

  /** Resolves with where the audit is now. */
  async #commit(plan: Plan, pass: CreatedPass, published: PublishedPass): Promise<Positions> {
    const continued = [...pass.reached].filter(([partition]) => plan.isContinued(partition))
    const created = continued.map(([p, reached]) => [p, this.#held.get(p) ?? reached] as const)
    // What was published of a record that is held may stand anywhere since the last audit.
    const free = [...published.next].filter(([p]) => plan.isContinued(p) && !this.#held.has(p))
    await remember(this.#db, this.#epoch, {
      created: further(plan.audited.created, created),
      persisted: further(plan.audited.persisted, free),
    })
    return new Map([...pass.reached, ...created])
  }

  #report({ created }: Plan, pass: CreatedPass, auditedTo: Positions): AuditReport {
    const left = [...created].map(([p, { end }]) => ({ from: auditedTo.get(p) ?? 0n, end }))
    return {
      startedAt: this.#startedAt,
      durationMs: Date.now() - this.#startedAt.getTime(),
      full: this.#options.full,
      audited: pass.looked,
      notYet: sizeOf(left),
      counts: this.#findings.counts,
      findings: this.#findings.kept,
      lost: this.#lost,
      unpublished: this.#unpublished,
    }
  }
}

/** What was audited once is not looked at again by itself. */
function further(before: Positions, now: readonly (readonly [number, bigint])[]): Positions {
  return new Map(
    now.map(([partition, position]) => {
      const last = before.get(partition) ?? 0n
      return [partition, position > last ? position : last]
    }),
  )
}

/** The persisters had finished with the record before anything else was read. */
function isFinished({ persistersAt }: Plan, partition: number, offset: bigint): boolean {
  return offset < (persistersAt.get(partition) ?? 0n)
}
