import { setTimeout as delay } from 'node:timers/promises'
import type { Database } from '@roomlog/db'
import type { EventLog, LogReader, LogRecord } from '@roomlog/event-log'
import { encodePersisted } from '@roomlog/events'
import { persistersHaveReached } from '../operator/persisters.ts'
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
  return records.length === 0 || persistersReach(options.reader)
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

/** Whether the persisters come to the present end of the created records in time. */
export async function persistersReach(reader: LogReader): Promise<boolean> {
  const ends = await reader.bounds('created')
  const endMs = performance.now() + STORED_WITHIN_MS
  for (;;) {
    if (await persistersHaveReached(reader, ends)) return true
    if (performance.now() > endMs) return false
    await delay(LOOK_EVERY_MS)
  }
}
