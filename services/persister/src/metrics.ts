import { Counter, Gauge, Histogram, type Registry } from '@roomlog/service-kit'

const SECONDS_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]
const RECORDS_BUCKETS = [1, 2, 5, 10, 20, 50, 100, 200, 500]

export type PersisterMetrics = ReturnType<typeof createPersisterMetrics>

/** What the persister counts, in `registry`. `pausedPartitions` is asked at each scrape. */
export function createPersisterMetrics(registry: Registry, pausedPartitions: () => number) {
  const registers = [registry]
  new Gauge({
    name: 'roomlog_persister_paused_partitions',
    help: 'Partitions that wait for a build that knows a newer event version',
    registers,
    collect() {
      this.set(pausedPartitions())
    },
  })
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
    rejected: new Counter({
      name: 'roomlog_persister_messages_rejected_total',
      help: 'Rejections published to senders',
      labelNames: ['code'] as const,
      registers,
    }),
    deadLetters: new Counter({
      name: 'roomlog_persister_dead_letters_total',
      help: 'Records given up',
      labelNames: ['reason'] as const,
      registers,
    }),
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
    storeRetries: new Counter({
      name: 'roomlog_persister_store_retries_total',
      help: 'Transactions that failed and were run again',
      labelNames: ['kind'] as const,
      registers,
    }),
  }
}
