import type { Database } from '@roomlog/db'
import type { LogReader, Positions, Ranges, TimedRecord } from '@roomlog/event-log'
import { HEADERS } from '@roomlog/events'
import { type Place, rowsAt } from './rows.ts'
import { Places } from './seq-ranges.ts'

export interface PublishedPassOptions {
  readonly reader: LogReader
  readonly db: Database['db']
  /** Rows of which it is known that the records they were made of are audited. */
  readonly audited: Places
  /** Of each partition the first created record that is not audited. */
  readonly auditedTo: Positions
}

/**
 * Reads what was published, and finds where the next audit has to begin with that: before everything that was made of
 * a created record which is not audited yet. By the records' positions alone, for the clocks of edges and persisters differ.
 */
export class PublishedPass {
  readonly #options: PublishedPassOptions
  readonly #next = new Map<number, bigint>()
  readonly #stopped = new Set<number>()
  readonly #trimmed = new Set<number>()
  readonly places = new Places()

  constructor(options: PublishedPassOptions) {
    this.#options = options
  }

  async run(ranges: Ranges): Promise<void> {
    for (const [partition, { from }] of ranges)
      if (!this.#next.has(partition)) this.#next.set(partition, from)
    const expected = new Map([...ranges].map(([partition, { from }]) => [partition, from]))
    await this.#options.reader.read('persisted', {
      ranges,
      onRecords: async (partition, records) => {
        if (records[0]?.offset !== expected.get(partition)) this.#trimmed.add(partition)
        expected.set(partition, (records.at(-1)?.offset ?? 0n) + 1n)
        await this.#take(partition, records)
      },
    })
    for (const [partition, { end }] of ranges)
      if ((expected.get(partition) ?? end) < end) this.#trimmed.add(partition)
  }

  /** Partitions of which something was removed for its age before it could be read. */
  get trimmed(): ReadonlySet<number> {
    return this.#trimmed
  }

  /** Where the next audit has to begin, if it begins with the created records where this one ended. */
  get next(): Positions {
    return this.#next
  }

  async #take(partition: number, records: readonly TimedRecord[]): Promise<void> {
    const places = records.map(placeOf)
    for (const place of places) if (place !== undefined) this.places.add(place.roomId, place.seq)
    if (this.#stopped.has(partition)) return
    const unsettled = await this.#unsettled(partition, places)
    const stop = places.findIndex(
      (place) => place !== undefined && unsettled.has(`${place.roomId} ${place.seq}`),
    )
    if (stop !== -1) this.#stopped.add(partition)
    const next = stop === -1 ? (records.at(-1)?.offset ?? 0n) + 1n : records[stop]?.offset
    if (next !== undefined) this.#next.set(partition, next)
  }

  /** Of places that no audited record of this run explains: those whose record is still to be audited. */
  async #unsettled(partition: number, places: readonly (Place | undefined)[]): Promise<ReadonlySet<string>> {
    const { audited, auditedTo, db } = this.#options
    const unknown = places
      .filter((it) => it !== undefined)
      .filter(({ roomId, seq }) => !audited.has(roomId, seq))
    if (unknown.length === 0) return new Set()
    const { rows } = await rowsAt(unknown).execute(db)
    const end = Number(auditedTo.get(partition) ?? 0n)
    return new Set(
      rows
        .filter((row) => row.partition === partition && row.offset >= end)
        .map(({ roomId, seq }) => `${roomId} ${seq}`),
    )
  }
}

/** Of a message; undefined for a rejection and for what only a newer build can read. */
function placeOf({ key, headers }: TimedRecord): Place | undefined {
  const seq = Number(headers[HEADERS.seq])
  return key === null || !Number.isSafeInteger(seq) ? undefined : { roomId: key, seq }
}
