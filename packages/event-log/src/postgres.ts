import { type Database, listen } from '@roomlog/db'
import { sql } from 'kysely'
import type { Logger } from 'pino'
import { groupCommit } from './postgres/append.ts'
import { acquire, beat, commit, leave, makeCursors, release } from './postgres/leases.ts'
import { APPENDED_CHANNEL, createNotifier, GROUP_CHANNEL } from './postgres/notifier.ts'
import { byPartition, type RecordRow } from './postgres/rows.ts'
import { trimEachMinute } from './postgres/trim.ts'
import type { TimedRecord } from './reader.ts'
import type { LogStore, Member, StoreWatcher } from './store/store.ts'

/** The log in schema `engine` of a database, which stays its owner's to close. */
export function postgresStore(database: Database, namespace: string, logger: Logger): LogStore {
  const { db } = database
  const notifier = createNotifier(db)
  const stops: (() => Promise<void>)[] = []

  const thenTell = async (member: Member, change: Promise<void>) => {
    await change
    notifier.groupChanged(member.group)
  }
  return {
    append: groupCommit(db, notifier.appended),
    heads: (topic) => heads(db, topic),
    read: (topic, from, maxRecords) => read(db, topic, from, maxRecords),
    makeCursors: (member, from) => makeCursors(db, member, from),
    beat: async (member, held) => {
      const answer = await beat(db, member, held)
      if (answer.joined) notifier.groupChanged(member.group)
      return answer
    },
    acquire: (member, count, except) => acquire(db, member, count, except),
    commit: (member, positions) => commit(db, member, positions),
    release: (member, partition) => thenTell(member, release(db, member, partition)),
    leave: (member) => thenTell(member, leave(db, member)),
    watch: (watcher) => {
      stops.push(watchNotifications(database, watcher, logger), trimEachMinute(db, namespace, logger))
    },
    ping: () => database.ping(),
    close: async () => {
      await Promise.all(stops.map((stop) => stop()))
    },
  }
}

async function heads(db: Database['db'], topic: string): Promise<ReadonlyMap<number, bigint>> {
  const rows = await db
    .selectFrom('engine.log_heads')
    .select(['partition', 'next_offset'])
    .where('topic', '=', topic)
    .execute()
  return new Map(rows.map(({ partition, next_offset }) => [partition, BigInt(next_offset)]))
}

async function read(
  db: Database['db'],
  topic: string,
  from: ReadonlyMap<number, bigint>,
  maxRecords: number,
): Promise<ReadonlyMap<number, readonly TimedRecord[]>> {
  const { rows } = await sql<RecordRow>`
    SELECT f.partition, r."offset", r.key, r.headers, r.value, r.at
    FROM unnest(${[...from.keys()]}::int[], ${[...from.values()].map(String)}::bigint[]) AS f (partition, start)
    CROSS JOIN LATERAL (
      SELECT "offset", key, headers, value, at FROM engine.log_records
      WHERE topic = ${topic} AND partition = f.partition AND "offset" >= f.start
      ORDER BY "offset" LIMIT ${maxRecords}
    ) r
    ORDER BY f.partition, r."offset"`.execute(db)
  return byPartition(rows)
}

function watchNotifications(database: Database, watcher: StoreWatcher, logger: Logger): () => Promise<void> {
  return listen(database, {
    channels: [APPENDED_CHANNEL, GROUP_CHANNEL],
    onNotification: (channel, payload) => {
      if (channel === GROUP_CHANNEL) return watcher.groupChanged(payload)
      const colon = payload.lastIndexOf(':')
      watcher.appended(payload.slice(0, colon), Number(payload.slice(colon + 1)))
    },
    onConnected: watcher.missed,
    onError: (err) => logger.warn({ err }, 'no notifications of the log; polling meanwhile'),
  })
}
