import type { Database } from '@roomlog/db'
import { namespaced, TOPICS, type Topic } from '@roomlog/events'
import { sql } from 'kysely'
import { groupInUse, topicProblem } from '../errors.ts'
import type { LogReader, Positions, Ranges, ReadOptions, TimedRecord } from '../reader.ts'
import { byPartition, type RecordRow } from './rows.ts'
import { schemaProblem } from './schema-problem.ts'

/** Of each partition in one read. */
const PAGE_RECORDS = 500

export interface PostgresReaderSettings {
  readonly database: Database
  readonly namespace: string
  readonly partitions: number
}

/** Plain statements on schema `engine` of a database, which stays its owner's to close. */
export async function openPostgresReader(settings: PostgresReaderSettings): Promise<LogReader> {
  const { namespace, partitions } = settings
  const { db } = settings.database
  const named = (topic: Topic) => namespaced(namespace, TOPICS[topic].name)
  for (const topic of Object.keys(TOPICS) as Topic[]) {
    const found = await bounds(db, named(topic)).catch(schemaProblem)
    const problem = topicProblem(named(topic), found.size, partitions)
    if (problem !== undefined) throw problem
  }
  return {
    partitions,
    bounds: (topic) => bounds(db, named(topic)),
    offsetsAt: (topic, time) => offsetsAt(db, named(topic), time),
    read: (topic, options) => read(db, named(topic), options),
    positions: (group, topic) => positions(db, namespaced(namespace, group), named(topic)),
    commit: (group, topic, moved) => commit(db, namespaced(namespace, group), named(topic), moved),
    members: (group) => members(db, namespaced(namespace, group)),
    rewind: (group, topic, moved) => rewind(db, namespaced(namespace, group), named(topic), moved),
    close: async () => undefined,
  }
}

async function bounds(db: Database['db'], topic: string): Promise<Ranges> {
  const { rows } = await sql<{ partition: number; low: number; end: number }>`
    SELECT h.partition, coalesce(oldest."offset", h.next_offset) AS low, h.next_offset AS "end"
    FROM engine.log_heads h LEFT JOIN LATERAL (
      SELECT r."offset" FROM engine.log_records r WHERE r.topic = h.topic AND r.partition = h.partition
      ORDER BY r."offset" LIMIT 1
    ) oldest ON true
    WHERE h.topic = ${topic} ORDER BY h.partition`.execute(db)
  return new Map(rows.map(({ partition, low, end }) => [partition, { from: BigInt(low), end: BigInt(end) }]))
}

/** Halves each partition's range until one offset is left: times have no index, and rise with the offsets. */
async function offsetsAt(db: Database['db'], topic: string, time: Date): Promise<Positions> {
  const found = new Map([...(await bounds(db, topic))].map(([partition, range]) => [partition, { ...range }]))
  for (;;) {
    const open = [...found].filter(([, { from, end }]) => from < end)
    if (open.length === 0) return new Map([...found].map(([partition, { from }]) => [partition, from]))
    const middles = open.map(([, { from, end }]) => (from + end) / 2n)
    const { rows } = await sql<{ partition: number; at: Date | null }>`
      SELECT m.partition, r.at
      FROM unnest(${open.map(([partition]) => partition)}::int[], ${middles.map(String)}::bigint[])
        AS m (partition, middle)
      LEFT JOIN engine.log_records r
        ON r.topic = ${topic} AND r.partition = m.partition AND r."offset" = m.middle`.execute(db)
    const times = new Map(rows.map(({ partition, at }) => [partition, at]))
    for (const [index, [partition, range]] of open.entries()) {
      const middle = middles[index] ?? range.end
      const at = times.get(partition) ?? undefined
      // One that is gone was trimmed meanwhile, for its age.
      if (at === undefined || at < time) found.set(partition, { from: middle + 1n, end: range.end })
      else found.set(partition, { from: range.from, end: middle })
    }
  }
}

async function read(db: Database['db'], topic: string, { ranges, onRecords }: ReadOptions): Promise<void> {
  let left = new Map([...ranges].filter(([, { from, end }]) => from < end))
  while (left.size > 0) {
    const pages = await page(db, topic, left)
    for (const [partition, records] of pages) await onRecords(partition, records)
    left = new Map(
      [...left].flatMap(([partition, { end }]) => {
        const records = pages.get(partition) ?? []
        const from = (records.at(-1)?.offset ?? end) + 1n
        return records.length < PAGE_RECORDS || from >= end ? [] : [[partition, { from, end }] as const]
      }),
    )
  }
}

async function page(
  db: Database['db'],
  topic: string,
  ranges: Ranges,
): Promise<ReadonlyMap<number, readonly TimedRecord[]>> {
  const wanted = [...ranges]
  const { rows } = await sql<RecordRow>`
    SELECT f.partition, r."offset", r.key, r.headers, r.value, r.at
    FROM unnest(
      ${wanted.map(([partition]) => partition)}::int[],
      ${wanted.map(([, { from }]) => String(from))}::bigint[], ${wanted.map(([, { end }]) => String(end))}::bigint[]
    ) AS f (partition, start, stop)
    CROSS JOIN LATERAL (
      SELECT "offset", key, headers, value, at FROM engine.log_records
      WHERE topic = ${topic} AND partition = f.partition AND "offset" >= f.start AND "offset" < f.stop
      ORDER BY "offset" LIMIT ${PAGE_RECORDS}
    ) r
    ORDER BY f.partition, r."offset"`.execute(db)
  return byPartition(rows)
}

async function positions(db: Database['db'], group: string, topic: string): Promise<Positions> {
  const rows = await db
    .selectFrom('engine.log_cursors as c')
    .innerJoin('engine.log_heads as h', (join) =>
      join.onRef('h.topic', '=', 'c.topic').onRef('h.partition', '=', 'c.partition'),
    )
    .select(['c.partition', 'c.next_offset'])
    .where('c.group', '=', group)
    .where('c.topic', '=', topic)
    .whereRef('c.next_offset', '<=', 'h.next_offset')
    .execute()
  return new Map(
    rows.flatMap(({ partition, next_offset }) =>
      next_offset === null ? [] : [[partition, BigInt(next_offset)] as const],
    ),
  )
}

async function commit(db: Database['db'], group: string, topic: string, moved: Positions): Promise<void> {
  await sql`
    INSERT INTO engine.log_cursors AS c ("group", topic, partition, next_offset)
    SELECT ${group}::text, ${topic}::text, p.partition, p.next_offset
    FROM unnest(${[...moved.keys()]}::int[], ${[...moved.values()].map(String)}::bigint[])
      AS p (partition, next_offset)
    ORDER BY p.partition
    ON CONFLICT ("group", topic, partition) DO UPDATE
    SET next_offset = greatest(excluded.next_offset, (
          SELECT c.next_offset FROM engine.log_heads h
          WHERE h.topic = c.topic AND h.partition = c.partition AND c.next_offset <= h.next_offset
        )), touched_at = now()`.execute(db)
}

async function members(db: Database['db'], group: string): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    SELECT count(*) AS count FROM engine.log_members
    WHERE "group" = ${group} AND until >= now()`.execute(db)
  return rows[0]?.count ?? 0
}

async function rewind(db: Database['db'], group: string, topic: string, moved: Positions): Promise<void> {
  const count = await members(db, group)
  if (count > 0) throw groupInUse(group, count)
  await sql`
    INSERT INTO engine.log_cursors ("group", topic, partition, next_offset)
    SELECT ${group}::text, ${topic}::text, p.partition, p.next_offset
    FROM unnest(${[...moved.keys()]}::int[], ${[...moved.values()].map(String)}::bigint[])
      AS p (partition, next_offset)
    ORDER BY p.partition
    ON CONFLICT ("group", topic, partition) DO UPDATE
    SET next_offset = excluded.next_offset, owner = NULL, until = NULL, touched_at = now()`.execute(db)
}
