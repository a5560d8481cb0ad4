import { setTimeout as delay } from 'node:timers/promises'
import type { Database } from '@roomlog/db'
import { broadcastGroup, namespaced, PERSISTER_GROUP, TOPICS } from '@roomlog/events'
import { sql } from 'kysely'
import type { Logger } from 'pino'

const TRIM_EVERY_MS = 60_000
const SLICE_RECORDS = 2000
const SLICES_AT_MOST = 200
const HOUR_MS = 60 * 60 * 1000
/** Persisted messages are hints and lie in the database anyway: an hour is for edges that restart. */
const PERSISTED_RETENTION_MS = HOUR_MS
const FORGET_EDGES_AFTER_MS = 7 * 24 * HOUR_MS

/** Removes what is past its time, each minute, in slices; any number of processes may do so at once. Returns the way to stop. */
export function trimEachMinute(db: Database['db'], namespace: string, logger: Logger): () => Promise<void> {
  const stop = new AbortController()
  const loop = async () => {
    while (!stop.signal.aborted) {
      // Apart from each other, so that processes started together do not trim together.
      const waitMs = TRIM_EVERY_MS * (0.5 + Math.random())
      await delay(waitMs, undefined, { signal: stop.signal, ref: false }).catch(() => {})
      if (stop.signal.aborted) return
      await trim(db, namespace, stop.signal).catch((err: unknown) =>
        logger.warn({ err }, 'could not trim the log'),
      )
    }
  }
  const ended = loop()
  return () => {
    stop.abort()
    return ended
  }
}

/** One round: until nothing is left to remove, or the round has removed its share. */
export async function trim(db: Database['db'], namespace: string, signal: AbortSignal): Promise<void> {
  await forgetEdges(db, namespace)
  const created = namespaced(namespace, TOPICS.created.name)
  const deadLetters = namespaced(namespace, TOPICS.deadLetters.name)
  const persisted = namespaced(namespace, TOPICS.persisted.name)
  const heads = await db
    .selectFrom('engine.log_heads as h')
    .leftJoin('engine.log_cursors as c', (join) =>
      join
        .onRef('c.topic', '=', 'h.topic')
        .onRef('c.partition', '=', 'h.partition')
        .on('c.group', '=', namespaced(namespace, PERSISTER_GROUP)),
    )
    .select(['h.topic', 'h.partition', 'h.next_offset as head', 'c.next_offset as cursor'])
    .where('h.topic', 'in', [created, deadLetters, persisted])
    .execute()
  for (const { topic, partition, head, cursor } of heads) {
    // What no persister has handled stays, whatever its age.
    const rule =
      topic === created
        ? { olderThanMs: TOPICS.created.retentionMs, below: cursor ?? 0 }
        : {
            olderThanMs: topic === persisted ? PERSISTED_RETENTION_MS : TOPICS.deadLetters.retentionMs,
            below: head,
          }
    for (let slice = 0; slice < SLICES_AT_MOST && !signal.aborted; slice += 1) {
      if ((await removeSlice(db, topic, partition, rule)) < SLICE_RECORDS) break
    }
  }
}

/** Removes from the oldest records of a partition those past their time. Resolves with how many. */
async function removeSlice(
  db: Database['db'],
  topic: string,
  partition: number,
  { olderThanMs, below }: { readonly olderThanMs: number; readonly below: number },
): Promise<number> {
  const result = await sql`
    DELETE FROM engine.log_records r USING (
      SELECT "offset", at FROM engine.log_records
      WHERE topic = ${topic} AND partition = ${partition} AND "offset" < ${below}
      ORDER BY "offset" LIMIT ${SLICE_RECORDS} FOR UPDATE SKIP LOCKED
    ) oldest
    WHERE r.topic = ${topic} AND r.partition = ${partition} AND r."offset" = oldest."offset"
      AND oldest.at < now() - ${olderThanMs} * interval '1 millisecond'`.execute(db)
  return Number(result.numAffectedRows ?? 0)
}

async function forgetEdges(db: Database['db'], namespace: string): Promise<void> {
  await sql`
    DELETE FROM engine.log_cursors
    WHERE starts_with("group", ${namespaced(namespace, broadcastGroup(''))}) AND (until IS NULL OR until < now())
      AND touched_at < now() - ${FORGET_EDGES_AFTER_MS} * interval '1 millisecond'`.execute(db)
}
