import type { Database } from '@roomlog/db'
import { sql } from 'kysely'
import { type Beat, LEASE_MS, type Member } from '../store/store.ts'

// Every time is the database's: the clocks of the processes may differ by hours.
const until = sql`now() + ${LEASE_MS} * interval '1 millisecond'`

export async function makeCursors(
  db: Database['db'],
  { group, topic }: Member,
  from: 'beginning' | 'end',
): Promise<void> {
  await sql`
    INSERT INTO engine.log_cursors AS c ("group", topic, partition, next_offset)
    SELECT ${group}::text, topic, partition, CASE WHEN ${from === 'end'}::boolean THEN next_offset END
    FROM engine.log_heads WHERE topic = ${topic} ORDER BY partition
    ON CONFLICT ("group", topic, partition)
    DO UPDATE SET next_offset = coalesce(c.next_offset, excluded.next_offset), touched_at = now()`.execute(db)
}

export async function beat(
  db: Database['db'],
  { id, group, topic }: Member,
  held: readonly number[],
): Promise<Beat> {
  const { rows } = await sql<{ joined: boolean; others: number; owned: number[] }>`
    WITH me AS (
      INSERT INTO engine.log_members AS m ("group", member, until) VALUES (${group}, ${id}, ${until})
      ON CONFLICT ("group", member) DO UPDATE SET until = excluded.until
      RETURNING xmax = 0 AS joined
    ), gone AS (
      DELETE FROM engine.log_members
      WHERE "group" = ${group} AND member <> ${id} AND until < now()
    ), mine AS (
      UPDATE engine.log_cursors SET
        owner = CASE WHEN partition = ANY (${held}::int[]) THEN owner END,
        until = CASE WHEN partition = ANY (${held}::int[]) THEN ${until} END, touched_at = now()
      WHERE "group" = ${group} AND topic = ${topic} AND owner = ${id} RETURNING partition, owner
    )
    SELECT me.joined, coalesce((SELECT array_agg(partition) FROM mine WHERE owner IS NOT NULL), '{}') AS owned,
      (SELECT count(*)::int FROM engine.log_members
       WHERE "group" = ${group} AND member <> ${id} AND until >= now()) AS others
    FROM me`.execute(db)
  const [row] = rows
  if (row === undefined) throw new Error('the membership was not written')
  return { joined: row.joined, members: row.others + 1, owned: new Set(row.owned) }
}

export async function acquire(
  db: Database['db'],
  { id, group, topic }: Member,
  count: number,
  except: readonly number[],
): Promise<ReadonlyMap<number, bigint | null>> {
  const { rows } = await sql<{ partition: number; next_offset: number | null }>`
    UPDATE engine.log_cursors c SET owner = ${id}, until = ${until}, touched_at = now()
    FROM (
      SELECT partition FROM engine.log_cursors
      WHERE "group" = ${group} AND topic = ${topic} AND partition <> ALL (${except}::int[])
        AND (owner IS NULL OR owner = ${id} OR until < now())
      ORDER BY partition LIMIT ${count} FOR UPDATE SKIP LOCKED
    ) free
    WHERE c."group" = ${group} AND c.topic = ${topic} AND c.partition = free.partition
    RETURNING c.partition, c.next_offset`.execute(db)
  return new Map(
    rows.map((row) => [row.partition, row.next_offset === null ? null : BigInt(row.next_offset)]),
  )
}

export async function commit(
  db: Database['db'],
  { id, group, topic }: Member,
  positions: ReadonlyMap<number, bigint>,
): Promise<void> {
  // One above the end is of what a restore has lost: it would skip what comes there now.
  await sql`
    UPDATE engine.log_cursors c SET next_offset = p.next_offset, touched_at = now()
    FROM unnest(${[...positions.keys()]}::int[], ${[...positions.values()].map(String)}::bigint[])
      AS p (partition, next_offset)
    JOIN engine.log_heads h ON h.topic = ${topic} AND h.partition = p.partition
    WHERE c."group" = ${group} AND c.topic = ${topic} AND c.partition = p.partition
      AND c.owner = ${id} AND coalesce(c.next_offset, -1) < p.next_offset
      AND p.next_offset <= h.next_offset`.execute(db)
}

export async function release(
  db: Database['db'],
  { id, group, topic }: Member,
  partition: number,
): Promise<void> {
  await sql`
    UPDATE engine.log_cursors SET owner = NULL, until = NULL
    WHERE "group" = ${group} AND topic = ${topic} AND partition = ${partition} AND owner = ${id}`.execute(db)
}

export async function leave(db: Database['db'], { id, group, topic }: Member): Promise<void> {
  await sql`
    WITH gone AS (
      DELETE FROM engine.log_members WHERE "group" = ${group} AND member = ${id}
    )
    UPDATE engine.log_cursors SET owner = NULL, until = NULL
    WHERE "group" = ${group} AND topic = ${topic} AND owner = ${id}`.execute(db)
}
