import { hash } from 'node:crypto'
import type { Database } from '@roomlog/db'
import type { LogReader, OffsetRange, Positions, Ranges, TimedRecord } from '@roomlog/event-log'
import { addressOf, decodeCreated, type MessageAddress } from '@roomlog/events'
import { type BodyKey, type FoundRow, type MessageKey, rowsByKey } from './rows.ts'
import { Places } from './seq-ranges.ts'

/** Of one statement. */
const KEYS_AT_MOST = 500
/** Of one partition: whoever has lost more has lost enough to be told of, and the rest waits for the next run. */
const SUSPECTS_AT_MOST = 10_000

/** A record without a row: so far, or for good. Not its bytes: on a bad day there are many. */
export interface Suspect {
  readonly partition: number
  readonly offset: bigint
  /** When the log took it. */
  readonly at: Date
  /** Undefined where no build can read it, or only a newer one. */
  readonly event: AcceptedMessage | undefined
  readonly address: MessageAddress | undefined
  /** Of a version that this build does not know. */
  readonly isNewer: boolean
}

/** What of an accepted message is looked up and told. */
export interface AcceptedMessage extends BodyKey {
  readonly acceptedAt: string
}

/** A room that the audited records name. */
export interface TouchedRoom {
  readonly partition: number
  /** Of its first audited record. */
  readonly offset: bigint
}

export interface CreatedPassOptions {
  readonly reader: LogReader
  readonly db: Database['db']
  readonly ranges: Ranges
  /** What the log took later is not judged: a persister may have it in hand. */
  readonly before: Date
  /** A record of a later time was stamped by a clock that is wrong. */
  readonly latest: Date
  /** The persisters have passed the record. */
  readonly isPassed: (partition: number, offset: bigint) => boolean
  /** Whether what was published of a record as old as this must still be there. */
  readonly isPublishedKept: (partition: number, at: Date) => boolean
}

/** Reads the created records that are due, and looks each up in the database. */
export class CreatedPass {
  readonly #options: CreatedPassOptions
  /** Of each partition the first offset that was not looked at. */
  readonly #reached: Map<number, bigint>
  readonly #closed = new Set<number>()
  readonly #suspects: Suspect[] = []
  readonly #suspectsOf = new Map<number, number>()
  readonly #altered: { readonly suspect: Suspect; readonly row: FoundRow }[] = []
  readonly touched = new Map<string, TouchedRoom>()
  /** Rows that some record explains. */
  readonly explained = new Places()
  /** Rows that were made of audited records; what was published of them must still be there. */
  readonly published = new Places()
  /** The same, of whatever age. */
  readonly stored = new Places()

  constructor(options: CreatedPassOptions) {
    this.#options = options
    this.#reached = new Map([...options.ranges].map(([partition, { from }]) => [partition, from]))
  }

  async run(): Promise<void> {
    await this.#options.reader.read('created', {
      ranges: this.#options.ranges,
      onRecords: (partition, records) => this.#look(partition, records),
    })
    // What was to be read and is not there was removed for its age.
    for (const [partition, { end }] of this.#options.ranges) {
      if (!this.#closed.has(partition)) this.#reached.set(partition, end)
    }
  }

  /** The first offset that was to be looked at. */
  from(partition: number): bigint {
    return this.#options.ranges.get(partition)?.from ?? 0n
  }

  get reached(): Positions {
    return this.#reached
  }

  get suspects(): readonly Suspect[] {
    return this.#suspects
  }

  /** Rows whose body is another than that of their record. */
  get altered() {
    return this.#altered
  }

  get looked(): number {
    return sizeOf(
      [...this.#options.ranges].map(([partition, { from }]) => ({
        from,
        end: this.#reached.get(partition) ?? from,
      })),
    )
  }

  async #look(partition: number, records: readonly TimedRecord[]): Promise<void> {
    if (this.#closed.has(partition)) return
    // In the order of the log: behind the first that is too young, nothing is old enough for sure.
    const young = records.findIndex((record) => this.#isYoung(partition, record))
    const due = young === -1 ? records : records.slice(0, young)
    for (let i = 0; i < due.length && !this.#closed.has(partition); i += KEYS_AT_MOST) {
      await this.#judge(partition, due.slice(i, i + KEYS_AT_MOST))
    }
    if (young !== -1) this.#closed.add(partition)
  }

  /** By its time, unless that would hold up its partition for as long as some clock is ahead. */
  #isYoung(partition: number, { at, offset }: TimedRecord): boolean {
    const { before, latest, isPassed } = this.#options
    return at >= before && !(at > latest && isPassed(partition, offset))
  }

  async #judge(partition: number, records: readonly TimedRecord[]): Promise<void> {
    const suspects = records.map((record) => suspectOf(partition, record))
    const rows = await findRows(this.#options.db, suspects)
    for (const suspect of suspects) {
      const row = rows.get(suspect)
      if (row !== undefined) this.resolve(suspect, row)
      else this.#suspect(suspect)
    }
    const last = records.at(-1)
    if (last !== undefined) this.#reached.set(partition, last.offset + 1n)
    if ((this.#suspectsOf.get(partition) ?? 0) >= SUSPECTS_AT_MOST) this.#closed.add(partition)
  }

  #suspect(suspect: Suspect): void {
    const { partition, event } = suspect
    this.#suspects.push(suspect)
    this.#suspectsOf.set(partition, (this.#suspectsOf.get(partition) ?? 0) + 1)
    if (event !== undefined) this.#touch(event.roomId, suspect)
  }

  /** The record has a row after all. */
  resolve(suspect: Suspect, row: FoundRow): void {
    const { partition, offset, at, event } = suspect
    if (event === undefined) return
    const { roomId } = event
    this.#touch(roomId, suspect)
    this.explained.add(roomId, row.seq)
    // Else the row is another record's, of which this one is a repeat or a namesake.
    if (row.partition !== partition || row.offset !== Number(offset)) return
    this.stored.add(roomId, row.seq)
    if (this.#options.isPublishedKept(partition, at)) this.published.add(roomId, row.seq)
    if (!row.sameBody) this.#altered.push({ suspect, row })
  }

  #touch(roomId: string, { partition, offset }: Suspect): void {
    if (!this.touched.has(roomId)) this.touched.set(roomId, { partition, offset })
  }
}

/** Whose a record or row is, and nothing more of it. */
export function keyOf({ roomId, senderId, clientMsgId }: MessageKey): MessageKey {
  return { roomId, senderId, clientMsgId }
}

export function suspectOf(partition: number, { offset, at, value }: TimedRecord): Suspect {
  const decoded = decodeCreated(value)
  const found = { partition, offset, at, isNewer: decoded.kind === 'newer' }
  if (decoded.kind !== 'event') return { ...found, event: undefined, address: addressOf(value) }
  const { acceptedAt } = decoded.event
  const key = bodyKeyOf(decoded.event)
  return { ...found, event: { ...key, acceptedAt }, address: keyOf(key) }
}

export function bodyKeyOf({ body, ...key }: MessageKey & { readonly body: string }): BodyKey {
  return { ...keyOf(key), bodySha256: hash('sha256', body) }
}

/** The rows of those that can be read and have one. */
export async function findRows<T extends { readonly event: BodyKey | undefined }>(
  db: Database['db'],
  suspects: readonly T[],
): Promise<ReadonlyMap<T, FoundRow>> {
  const found = new Map<T, FoundRow>()
  const readable = suspects.flatMap((suspect) =>
    suspect.event === undefined ? [] : [{ suspect, event: suspect.event }],
  )
  for (let i = 0; i < readable.length; i += KEYS_AT_MOST) {
    const slice = readable.slice(i, i + KEYS_AT_MOST)
    const { rows } = await rowsByKey(slice.map(({ event }) => event)).execute(db)
    for (const row of rows) {
      const suspect = slice[row.index]?.suspect
      if (suspect !== undefined) found.set(suspect, row)
    }
  }
  return found
}

export function sizeOf(ranges: Iterable<OffsetRange>): number {
  let size = 0
  for (const { from, end } of ranges) size += Number(end > from ? end - from : 0n)
  return size
}
