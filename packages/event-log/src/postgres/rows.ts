import type { TimedRecord } from '../reader.ts'

/** A row of `engine.log_records`. */
export interface RecordRow {
  readonly partition: number
  readonly offset: number
  readonly key: string | null
  readonly headers: Record<string, string>
  readonly value: Buffer | null
  readonly at: Date
}

/** Rows that are ordered by partition and offset, as records of each partition. */
export function byPartition(rows: readonly RecordRow[]): ReadonlyMap<number, readonly TimedRecord[]> {
  const found = new Map<number, TimedRecord[]>()
  for (const { partition, offset, ...record } of rows) {
    const records = found.get(partition) ?? []
    found.set(partition, records)
    records.push({ ...record, offset: BigInt(offset) })
  }
  return found
}
