import type { LogRecord } from '@roomlog/event-log'
import { addressOf, decodeCreated } from '@roomlog/events'
import type { Candidate, DeadRecord } from './verdict.ts'

export interface DecodedBatch {
  readonly candidates: readonly Candidate[]
  readonly dead: readonly DeadRecord[]
  /** The first record of a version this build does not know: neither it nor anything behind it is in the other lists. */
  readonly newer: NewerRecord | undefined
}

export interface NewerRecord {
  /** Its place in the batch, which is how many records precede it. */
  readonly index: number
  readonly offset: bigint
  readonly version: number
}

/** Sorts records into those the database can judge and those no build can read; never throws. */
export function decodeBatch(records: readonly LogRecord[]): DecodedBatch {
  const candidates: Candidate[] = []
  const dead: DeadRecord[] = []
  for (const [index, record] of records.entries()) {
    const decoded = decodeCreated(record.value)
    if (decoded.kind === 'newer') {
      return { candidates, dead, newer: { index, offset: record.offset, version: decoded.version } }
    }
    if (decoded.kind === 'event') candidates.push({ record, event: decoded.event })
    else dead.push(undecodable(record, decoded.reason))
  }
  return { candidates, dead, newer: undefined }
}

function undecodable(record: LogRecord, detail: string): DeadRecord {
  const address = addressOf(record.value)
  return { kind: 'dead', record, reason: 'undecodable', detail, code: 'validation_failed', address }
}
