import type { FailureKind } from '@roomlog/db'
import { REJECTION_CODES } from '@roomlog/events'
import { Counter, counterBy, gauge, Histogram, type Registry, SECONDS_BUCKETS } from '@roomlog/service-kit'
import { DEAD_REASONS } from './batch/verdict.ts'

/** `conflict`: two persisters at one room; the others are the database's. */
const RETRY_KINDS = ['conflict', 'schema', 'transient'] as const satisfies (FailureKind | 'conflict')[]
const RECORDS_BUCKETS = [1, 2, 5, 10, 20, 50, 100, 200, 500]

export type PersisterMetrics = ReturnType<typeof createPersisterMetrics>

/** What the persister counts, in `registry`. `pausedPartitions` is asked at each scrape. */
export function createPersisterMetrics(registry: Registry, pausedPartitions: () => number) {
  const registers = [registry]
  gauge(
    registry,
    'roomlog_persister_paused_partitions',
    'Partitions that wait for a build that knows a newer event version',
    pausedPartitions,
  )
  return {
    stored: new Counter({
      name: 'roomlog_persister_messages_stored_total',
      help: 'Messages stored',
      registers,
    }),
    duplicates: new Counter({
      name: 'roomlog_persister_messages_duplicate_total',
      help: 'Repeats of stored messages, dropped',
      registers,
    }),
    redelivered: new Counter({
      name: 'roomlog_persister_messages_redelivered_total',
      help: 'Records met again after they were stored, and published again',
      registers,
    }),
    rejected: counterBy(
      registry,
      {
        name: 'roomlog_persister_messages_rejected_total',
        help: 'Rejections published to senders',
        label: 'code',
      },
      REJECTION_CODES,
    ),
    deadLetters: counterBy(
      registry,
      { name: 'roomlog_persister_dead_letters_total', help: 'Records given up', label: 'reason' },
      DEAD_REASONS,
    ),
    ackedButDead: new Counter({
      name: 'acked_but_dead_total',
      help: 'Records given up although an edge may have acknowledged them: all that stood in the log',
      registers,
    }),
    batchRecords: new Histogram({
      name: 'roomlog_persister_batch_records',
      help: 'Records in a batch',
      buckets: RECORDS_BUCKETS,
      registers,
    }),
    acceptedToPersisted: new Histogram({
      name: 'roomlog_persister_accepted_to_persisted_seconds',
      help: 'From the acceptance at the edge, by its clock, until the stored message is published',
      buckets: SECONDS_BUCKETS,
      registers,
    }),
    storeRetries: counterBy(
      registry,
      {
        name: 'roomlog_persister_store_retries_total',
        help: 'Transactions that failed and were run again',
        label: 'kind',
      },
      RETRY_KINDS,
    ),
  }
}
