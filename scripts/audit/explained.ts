import { NO_SOURCE_PARTITION } from '@roomlog/db'
import type { LogReader, Positions, Ranges } from '@roomlog/event-log'
import type { Topic } from '@roomlog/events'
import { suspectOf } from './created.ts'
import type { StoredRow } from './rows.ts'
import type { Places } from './seq-ranges.ts'

/** Edges and persisters tell the time by their own clocks. */
export const CLOCKS_DIFFER_MS = 5 * 60_000

export interface ExplainOptions {
  readonly reader: LogReader
  /** Rows that audited records explain. */
  readonly explained: Places
  /** Of each partition the first created record that is not audited. */
  readonly auditedTo: Positions
}

/**
 * Those of `rows` that no created record explains. One whose record is not audited yet is left to the audit of that
 * record, and one whose record was removed for its age cannot be judged.
 */
export async function unexplainedRows(
  rows: readonly StoredRow[],
  { reader, explained, auditedTo }: ExplainOptions,
): Promise<readonly StoredRow[]> {
  const doubtful = rows.filter(
    (row) => row.partition !== NO_SOURCE_PARTITION && !explained.has(row.roomId, row.seq),
  )
  if (doubtful.length === 0) return []
  // Read after the rows: what they were made of stands in the log by now.
  const bounds = await reader.bounds('created')
  const isKept = ({ partition, offset }: StoredRow) => BigInt(offset) >= (bounds.get(partition)?.from ?? 0n)
  const isPossible = ({ partition, offset }: StoredRow) =>
    offset >= 0 && BigInt(offset) < (bounds.get(partition)?.end ?? 0n)
  const isDue = ({ partition, offset }: StoredRow) => BigInt(offset) < (auditedTo.get(partition) ?? 0n)
  const inLog = doubtful.filter((row) => isPossible(row) && isKept(row) && isDue(row))
  const confirmed = await confirmedBy(reader, inLog)
  const strangers = [
    ...doubtful.filter((row) => !isPossible(row)),
    ...inLog.filter((row) => !confirmed.has(row)),
  ]
  // A log that was begun anew gives the old offsets again: it says nothing about rows from before, and empty about none.
  const begun = await oldestTimes(reader, new Set(strangers.map(({ partition }) => partition)), bounds)
  return strangers.filter(({ partition, createdAt }) => {
    if (bounds.get(partition)?.end === 0n) return false
    const beginning = begun.get(partition)
    return beginning === undefined || createdAt.getTime() >= beginning.getTime() - CLOCKS_DIFFER_MS
  })
}

/** When the log took the oldest record that it keeps of these partitions; those without a record are missing. */
export async function oldestTimes(
  reader: LogReader,
  partitions: ReadonlySet<number>,
  bounds: Ranges,
  topic: Topic = 'created',
): Promise<ReadonlyMap<number, Date>> {
  const found = new Map<number, Date>()
  const ranges = [...bounds].filter(([partition]) => partitions.has(partition))
  await reader.read(topic, {
    ranges: new Map(
      ranges.map(([partition, { from, end }]) => [partition, { from, end: from < end ? from + 1n : end }]),
    ),
    onRecords: async (partition, [oldest]) => {
      if (oldest !== undefined) found.set(partition, oldest.at)
    },
  })
  return found
}

/** Those of the rows that the record at their position names. */
async function confirmedBy(reader: LogReader, rows: readonly StoredRow[]): Promise<ReadonlySet<StoredRow>> {
  const byPosition = new Map<string, StoredRow[]>()
  for (const row of rows) {
    const position = `${row.partition}:${row.offset}`
    byPosition.set(position, [...(byPosition.get(position) ?? []), row])
  }
  const confirmed = new Set<StoredRow>()
  await reader.read('created', {
    ranges: rangesOver(rows),
    onRecords: async (partition, records) => {
      for (const record of records) {
        const address = suspectOf(partition, record).address
        for (const row of byPosition.get(`${partition}:${record.offset}`) ?? []) {
          const isOf = address?.roomId === row.roomId && address.senderId === row.senderId
          if (isOf && address.clientMsgId === row.clientMsgId) confirmed.add(row)
        }
      }
    },
  })
  return confirmed
}

/** From the first to the last of each partition. */
export function rangesOver(
  records: Iterable<{ readonly partition: number; readonly offset: number | bigint }>,
): Ranges {
  const ranges = new Map<number, { from: bigint; end: bigint }>()
  for (const { partition, offset } of records) {
    const at = BigInt(offset)
    const { from, end } = ranges.get(partition) ?? { from: at, end: at }
    ranges.set(partition, { from: at < from ? at : from, end: at >= end ? at + 1n : end })
  }
  return ranges
}
