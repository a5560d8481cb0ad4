import { join } from 'node:path'
import type { Database, Tables } from '@roomlog/db'
import { connectLogReader, type LogReader } from '@roomlog/event-log'
import { PERSISTER_GROUP, TOPICS } from '@roomlog/events'
import { createLogger } from '@roomlog/service-kit'
import { type Kysely, sql } from 'kysely'
import { EXIT, type ExitCode, OperatorFailure } from '../operator/failure.ts'
import { refuseUnready } from '../operator/primary.ts'
import type { ServersWithDatabase } from '../operator/servers.ts'
import {
  type Contents,
  contentsOf,
  copyTable,
  prepare,
  refuseFilled,
  refuseOtherSchema,
  TABLES,
} from './tables.ts'
import { carryOver } from './tail.ts'

/** By which its own sessions are told from others. */
export const APPLICATION = 'roomlog-to-full'
const SHOW_EVERY_ROWS = 100_000

export interface MoveOptions {
  readonly source: Database
  readonly target: Database
  /** The new ones. */
  readonly servers: ServersWithDatabase
  /** Of the source, where it is one. */
  readonly dataFolder: string | undefined
}

/**
 * One snapshot of the source into one transaction of the target, which is committed when everything is there and the
 * same, and when Kafka has what was not stored yet: whatever ends a run before, the new database is empty. Throws
 * `OperatorFailure`.
 */
export async function move({ source, target, servers, dataFolder }: MoveOptions): Promise<ExitCode> {
  await refuseUnready(target.db)
  await refuseOthers(source, target, servers.reader)
  await using log = await openSourceLog(source)
  const ends = await endsOf(log.reader)
  await source.db
    .transaction()
    .setIsolationLevel('repeatable read')
    .setAccessMode('read only')
    .execute((from) =>
      target.db.transaction().execute(async (to) => {
        await prepare(from)
        await prepare(to)
        await refuseOtherSchema(from, to)
        await refuseFilled(to)
        await copyAll(from, to)
        await carryAll(log.reader, servers)
        await refuseOthers(source, target, servers.reader)
        if ((await endsOf(log.reader)) !== ends)
          throw new OperatorFailure(
            'Somebody wrote to the old log meanwhile. Stop all services, then run this again.',
          )
      }),
    )
  console.log(farewell(dataFolder))
  return EXIT.clean
}

async function copyAll(from: Kysely<Tables>, to: Kysely<Tables>): Promise<void> {
  for (const table of TABLES) {
    let shown = 0
    await copyTable(table, from, to, (rows) => {
      if (rows - shown < SHOW_EVERY_ROWS) return
      shown = rows
      console.log(`  ${table}: ${rows} rows so far`)
    })
    const [was, is] = [await contentsOf(table, from), await contentsOf(table, to)]
    if (!isSame(was, is)) {
      throw new OperatorFailure(
        `${table} arrived with ${is.rows} rows (checksum ${is.sum}) for ${was.rows} (${was.sum}). Nothing was kept of it; please report this.`,
      )
    }
    console.log(`  ${table}: ${is.rows} rows, checksum ${is.sum} on both sides`)
  }
  const { epoch } = await from.selectFrom('chat.cluster').select('epoch').executeTakeFirstOrThrow()
  await to.updateTable('chat.cluster').set({ epoch }).execute()
}

function isSame(a: Contents, b: Contents): boolean {
  return a.rows === b.rows && a.sum === b.sum
}

async function carryAll(source: LogReader, { reader, openLog }: ServersWithDatabase): Promise<void> {
  const log = await openLog()
  const created = await carryOver('created', source, reader, log)
  console.log(`  accepted and not stored yet: ${created}, in Kafka now`)
  const letters = await carryOver('deadLetters', source, reader, log)
  console.log(`  waiting dead letters: ${letters}, in Kafka now`)
}

/** Throws `OperatorFailure` while anybody else works on either. */
async function refuseOthers(source: Database, target: Database, reader: LogReader): Promise<void> {
  const { rows: ofSource } = await sql<{ name: string }>`
    SELECT DISTINCT coalesce(nullif(application_name, ''), 'a session without a name') AS name FROM pg_stat_activity
    WHERE datname = current_database() AND application_name <> ${APPLICATION}
      AND coalesce(backend_type, 'client backend') = 'client backend'`.execute(source.db)
  const { rows: ofTarget } = await sql<{ name: string }>`
    SELECT DISTINCT application_name AS name FROM pg_stat_activity
    WHERE datname = current_database() AND application_name <> ${APPLICATION}
      AND application_name IN ('roomlog-api', 'roomlog-ws-edge', 'roomlog-persister')`.execute(target.db)
  const refuse = (where: string, names: readonly { readonly name: string }[]) => {
    if (names.length === 0) return
    const who = names.map(({ name }) => name).join(', ')
    throw new OperatorFailure(`Others work on ${where}: ${who}. Stop them, then run this again.`)
  }
  refuse('the old database', ofSource)
  refuse('the new database', ofTarget)
  const members = await reader.members(PERSISTER_GROUP)
  refuse('the new Kafka', members === 0 ? [] : [{ name: `the consumer group ${PERSISTER_GROUP}` }])
}

/** The source says itself which namespace and how many partitions it was run with. */
async function openSourceLog(source: Database): Promise<AsyncDisposable & { readonly reader: LogReader }> {
  const { name } = TOPICS.created
  const { rows } = await sql<{ topic: string; partitions: number }>`
    SELECT topic, count(*) AS partitions FROM engine.log_heads
    WHERE topic = ${name} OR right(topic, length(${name}::text) + 1) = ${`.${name}`} GROUP BY topic`.execute(
    source.db,
  )
  const [log, ...others] = rows
  if (log === undefined || others.length > 0) {
    const found = rows.map(({ topic }) => topic).join(', ') || 'none'
    throw new OperatorFailure(
      `The source has to have the log of one Roomlog on the embedded engine; found: ${found}.`,
    )
  }
  const namespace = log.topic === name ? '' : log.topic.slice(0, -name.length - 1)
  const settings = {
    engine: 'embedded',
    namespace,
    partitions: log.partitions,
    clientId: APPLICATION,
  } as const
  const logger = createLogger({ name: APPLICATION, level: 'silent' })
  const reader = await connectLogReader({ ...settings, database: source }, logger)
  return { reader, [Symbol.asyncDispose]: () => reader.close() }
}

async function endsOf(reader: LogReader): Promise<string> {
  const ends = [...(await reader.bounds('created'))].map(([partition, { end }]) => `${partition}:${end}`)
  return ends.join()
}

function farewell(dataFolder: string | undefined): string {
  const keys =
    dataFolder === undefined
      ? 'Give the new services the same JWT_PRIVATE_KEY and JWT_PUBLIC_KEYS'
      : `Give the new services JWT_PRIVATE_KEY and JWT_PUBLIC_KEYS of ${join(dataFolder, 'keys.json')} (npm start takes them from there by itself)`
  return `Everything is there. ${keys}: who is logged in stays so. Do not start the old Roomlog again.`
}
