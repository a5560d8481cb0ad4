import { setTimeout as delay } from 'node:timers/promises'
import type { Database } from '@roomlog/db'
import type { EventLog, LogReader, LogRecord } from '@roomlog/event-log'
import { encodePersisted } from '@roomlog/events'
import { partitionsBehind } from '../operator/persisters.ts'
import type { Suspect } from './created.ts'
import { rangesOver } from './explained.ts'
import { messagesAt } from './rows.ts'
import type { AuditReport } from './run.ts'

const APPEND_TIMEOUT_MS = 30_000
const STORED_WITHIN_MS = 15_000
const LOOK_EVERY_MS = 250

export interface RepairOptions {
  readonly reader: LogReader
  readonly database: Database
  readonly log: EventLog
  readonly say: (text: string) => void
}

/**
 * Appends what was lost once more, byte for byte: the unique key lets one row come of it at most. Publishes what was not
 * published: who has it drops it. Resolves with whether the persisters have handled all of it: another audit tells whether
 * that helped.
 */
export async function repair(report: AuditReport, options: RepairOptions): Promise<boolean> {
  const { database, log, say } = options
  const signal = AbortSignal.timeout(APPEND_TIMEOUT_MS)
  const messages = await messagesAt(database.db, report.unpublished)
  const published = messages.map(({ message, epoch }) => encodePersisted(message, epoch))
  await log.appendAll('persisted', published, signal)
  for (const { message } of messages) say(`published again: room ${message.roomId} seq ${message.seq}`)
  const lost = await recordsOf(report.lost, options.reader)
  const records = lost.map(({ key, headers, value }) => ({
    key: key ?? '',
    headers,
    value: value ?? Buffer.alloc(0),
  }))
  await log.appendAll('created', records, signal)
  for (const { key, offset } of lost)
    say(`appended again: the created record at offset ${offset}, key ${key}`)
  const partitions = new Set(report.lost.map(({ partition }) => partition))
  return partitions.size === 0 || (await stillBehind(options.reader, partitions)).size === 0
}

/** As they stand in the log, in the order of each partition. */
async function recordsOf(suspects: readonly Suspect[], reader: LogReader): Promise<readonly LogRecord[]> {
  const wanted = new Set(suspects.map(({ partition, offset }) => `${partition}:${offset}`))
  const found: LogRecord[] = []
  await reader.read('created', {
    ranges: rangesOver(suspects),
    onRecords: async (partition, records) => {
      found.push(...records.filter(({ offset }) => wanted.has(`${partition}:${offset}`)))
    },
  })
  return found
}

/** Those of the partitions (default: all) in which the persisters do not come to the present end in time. */
export async function stillBehind(
  reader: LogReader,
  partitions?: ReadonlySet<number>,
): Promise<ReadonlySet<number>> {
  const bounds = [...(await reader.bounds('created'))]
  const ends = new Map(bounds.filter(([partition]) => partitions?.has(partition) ?? true))
  const endMs = performance.now() + STORED_WITHIN_MS
  for (;;) {
    const behind = await partitionsBehind(reader, ends)
    if (behind.size === 0 || performance.now() > endMs) return behind
    await delay(LOOK_EVERY_MS)
  }
}
