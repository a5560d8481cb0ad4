import type { Database } from '@roomlog/db'
import type { EventLog } from '@roomlog/event-log'
import { namespaced, PARTITIONS_DEFAULT, partitionOf, TOPICS } from '@roomlog/events'
import { Kafka, logLevel } from 'kafkajs'
import { sql } from 'kysely'

const TWO_DAYS_MS = 2 * 86_400_000

/** Created records that stand in the log as if they had for two days. */
export interface OldRecords extends AsyncDisposable {
  /** To a partition that has no other record. */
  append(key: string, value: string): Promise<void>
}

export async function recordsInKafka(brokers: readonly string[], namespace: string): Promise<OldRecords> {
  const producer = new Kafka({ brokers: [...brokers], logLevel: logLevel.NOTHING }).producer()
  await producer.connect()
  return {
    append: async (key, value) => {
      const partition = partitionOf(key, PARTITIONS_DEFAULT)
      const timestamp = String(Date.now() - TWO_DAYS_MS)
      const topic = namespaced(namespace, TOPICS.created.name)
      await producer.send({ topic, messages: [{ key, value, partition, timestamp }] })
    },
    [Symbol.asyncDispose]: () => producer.disconnect(),
  }
}

export function recordsInPostgres(eventLog: EventLog, { db }: Database): OldRecords {
  return {
    append: async (key, value) => {
      await eventLog.append('created', { key, headers: {}, value: Buffer.from(value) })
      await sql`UPDATE engine.log_records SET at = ${new Date(Date.now() - TWO_DAYS_MS)}
        WHERE topic = ${TOPICS.created.name} AND partition = ${partitionOf(key, PARTITIONS_DEFAULT)}`.execute(
        db,
      )
    },
    [Symbol.asyncDispose]: async () => undefined,
  }
}
