import type { Database } from '@roomlog/db'
import type { Positions } from '@roomlog/event-log'
import { auditGroup, TOPICS } from '@roomlog/events'
import { sql } from 'kysely'

/** How far the audit came: of each partition the next record to look at. */
export interface Audited {
  readonly created: Positions
  readonly persisted: Positions
}

/**
 * It stands in the database that is judged, on the full engine, too: one that was restored to an older state has an older
 * one, and what the log has of the time since is looked at again, whoever has been told of the restore.
 */
export async function recall(db: Database['db'], epoch: string): Promise<Audited> {
  const rows = await db
    .selectFrom('engine.log_cursors')
    .select(['topic', 'partition', 'next_offset'])
    .where('group', '=', auditGroup(epoch))
    .execute()
  const of = (topic: keyof Audited): Positions =>
    new Map(
      rows.flatMap(({ topic: name, partition, next_offset }) =>
        name === TOPICS[topic].name && next_offset !== null
          ? [[partition, BigInt(next_offset)] as const]
          : [],
      ),
    )
  return { created: of('created'), persisted: of('persisted') }
}

export async function remember(db: Database['db'], epoch: string, audited: Audited): Promise<void> {
  for (const topic of ['created', 'persisted'] as const) {
    const [partitions, offsets] = [[...audited[topic].keys()], [...audited[topic].values()].map(String)]
    await sql`
      INSERT INTO engine.log_cursors ("group", topic, partition, next_offset)
      SELECT ${auditGroup(epoch)}::text, ${TOPICS[topic].name}::text, p.partition, p.next_offset
      FROM unnest(${partitions}::int[], ${offsets}::bigint[]) AS p (partition, next_offset)
      ON CONFLICT ("group", topic, partition) DO UPDATE
      SET next_offset = excluded.next_offset, touched_at = now()`.execute(db)
  }
}
