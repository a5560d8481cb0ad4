import type { Database } from '@roomlog/db'
import type { EncodedRecord } from '@roomlog/events'
import { sql } from 'kysely'

/** Transactions of one process at a time: while one waits for the disk the next gathers; more would starve the pool. */
const CONCURRENT_COMMITS = 2

interface Job {
  readonly topic: string
  readonly partition: number
  readonly records: readonly EncodedRecord[]
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

export type Append = (topic: string, partition: number, records: readonly EncodedRecord[]) => Promise<void>

/**
 * Appends with group commit: what waits, of any partitions (one batch of each), goes in one transaction, so a
 * busy log flushes the disk once for many batches. `appended` hears of each partition after the commit.
 */
export function groupCommit(
  db: Database['db'],
  appended: (topic: string, partition: number) => void,
): Append {
  let waiting: Job[] = []
  let running = 0

  const pump = async () => {
    if (running === CONCURRENT_COMMITS || waiting.length === 0) return
    const jobs = waiting
    waiting = []
    running += 1
    try {
      const written = await insert(db, jobs)
      for (const [index, job] of jobs.entries()) settle(job, written.has(index))
    } catch (error) {
      for (const { reject } of jobs) reject(error)
    }
    running -= 1
    void pump()
  }
  const settle = ({ topic, partition, resolve, reject }: Job, done: boolean) => {
    if (!done) return reject(new Error(`no topic ${topic} with partition ${partition}`))
    appended(topic, partition)
    resolve()
  }
  return (topic, partition, records) => {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    waiting.push({ topic, partition, records, resolve, reject })
    // Lanes that were filled in the same turn of the event loop share the transaction.
    setImmediate(() => void pump())
    return promise
  }
}

/**
 * One statement, so one round trip. `locked` takes the head rows in ascending order, so that writers of several
 * partitions cannot wait for each other in a circle, and holds them until the commit, so that offsets are in commit
 * order. A head row that another writer moved meanwhile is read anew by the update (READ COMMITTED), hence no offset is
 * given twice. Resolves with the indexes of the jobs whose partition exists.
 */
async function insert(db: Database['db'], jobs: readonly Job[]): Promise<ReadonlySet<number>> {
  const rows = jobs.flatMap(({ records }, job) => records.map((record, index) => ({ job, index, record })))
  const result = await sql<{ job: number }>`
    WITH jobs AS (
      SELECT * FROM unnest(
        ${jobs.map(({ topic }) => topic)}::text[], ${jobs.map(({ partition }) => partition)}::int[],
        ${jobs.map(({ records }) => records.length)}::int[]
      ) WITH ORDINALITY AS j (topic, partition, size, ordinal)
    ), locked AS MATERIALIZED (
      SELECT h.topic, h.partition, j.size, j.ordinal FROM engine.log_heads h JOIN jobs j USING (topic, partition)
      ORDER BY h.topic, h.partition FOR UPDATE OF h
    ), moved AS (
      UPDATE engine.log_heads h SET next_offset = h.next_offset + l.size FROM locked l
      WHERE h.topic = l.topic AND h.partition = l.partition
      RETURNING h.topic, h.partition, h.next_offset - l.size AS base, l.ordinal
    ), records AS (
      SELECT * FROM unnest(
        ${rows.map(({ job }) => job + 1)}::int[], ${rows.map(({ index }) => index)}::int[],
        ${rows.map(({ record }) => record.key)}::text[],
        ${rows.map(({ record }) => JSON.stringify(record.headers))}::text[],
        ${rows.map(({ record }) => record.value)}::bytea[]
      ) AS r (ordinal, index, key, headers, value)
    ), written AS (
      INSERT INTO engine.log_records (topic, partition, "offset", key, headers, value, at)
      SELECT m.topic, m.partition, m.base + r.index, r.key, r.headers::jsonb, r.value, clock_timestamp()
      FROM moved m JOIN records r USING (ordinal)
    )
    SELECT ordinal::int - 1 AS job FROM moved`.execute(db)
  return new Set(result.rows.map(({ job }) => job))
}
