import type { EventLog } from '@roomlog/event-log'
import {
  type EncodedRecord,
  encodeDeadLetter,
  encodePersisted,
  encodeRejected,
  traced,
} from '@roomlog/events'
import type { BatchTrace } from './batch-trace.ts'
import type { DeadRecord, Verdict } from './verdict.ts'

/** Appends what the verdicts of one partition's records call for; resolves when the log has all of it. */
export async function publish(
  log: EventLog,
  partition: number,
  verdicts: readonly Verdict[],
  signal: AbortSignal,
  trace?: BatchTrace,
): Promise<void> {
  // First what must not get lost, then who is told of it.
  const deadLetters = verdicts.filter((v) => v.kind === 'dead').map((v) => deadLetterOf(partition, v))
  if (deadLetters.length > 0) await log.appendAll('deadLetters', deadLetters, signal)
  const persisted = verdicts.flatMap((verdict, index) =>
    persistedOf(verdict).map((record) => traced(record, trace?.sending(index))),
  )
  if (persisted.length > 0) await log.appendAll('persisted', persisted, signal)
}

export function deadLetterOf(partition: number, { record, reason, detail }: DeadRecord): EncodedRecord {
  const origin = { topic: 'created', partition, offset: record.offset } as const
  return encodeDeadLetter(record, `${reason}: ${detail}`, origin)
}

/** What the readers of the persisted topic get to see of a verdict: nothing or one record. */
export function persistedOf(verdict: Verdict): readonly EncodedRecord[] {
  switch (verdict.kind) {
    case 'stored':
    case 'redelivered':
      return [encodePersisted(verdict.message, verdict.epoch)]
    case 'duplicate':
      return []
    case 'reused': {
      const { roomId, senderId, clientMsgId } = verdict.event
      return [encodeRejected({ roomId, senderId, clientMsgId, code: 'client_msg_id_reused' })]
    }
    case 'dead': {
      if (verdict.address === undefined) return []
      const { roomId, senderId, clientMsgId } = verdict.address
      return [encodeRejected({ roomId, senderId, clientMsgId, code: verdict.code })]
    }
  }
}
