import { connect, type Database, migrate, ROLES } from '@roomlog/db'
import type { LogRecord } from '@roomlog/event-log'
import { encodeCreated, type MessageCreated } from '@roomlog/events'
import { newId } from '@roomlog/protocol'
import { BODY, postgres } from '@roomlog/testkit'
import { sql } from 'kysely'
import { expect } from 'vitest'
import { type MessageStore, messageStore, STORE_SESSION } from '../src/batch/message-store.ts'
import { storeBatches } from '../src/batch/store.ts'
import type { NewRow } from '../src/batch/store-sql.ts'
import type { Candidate, Verdict } from '../src/batch/verdict.ts'

export interface TestDatabase extends AsyncDisposable {
  readonly url: string
  /** As the service connects. */
  readonly persister: Database
  readonly store: MessageStore
  /** May do anything. */
  readonly admin: Database
}

export async function testDatabase(): Promise<TestDatabase> {
  const server = await postgres()
  await migrate(server.url)
  const { url } = server
  const persister = connect({
    ...STORE_SESSION,
    url,
    role: ROLES.persister,
    applicationName: 'persister-test',
  })
  const admin = connect({ url, applicationName: 'persister-test-admin' })
  return {
    url,
    persister,
    store: messageStore(persister.db),
    admin,
    [Symbol.asyncDispose]: async () => {
      await persister.close()
      await admin.close()
      await server[Symbol.asyncDispose]()
    },
  }
}

export async function newRooms({ admin }: TestDatabase, count: number): Promise<readonly string[]> {
  const ids = Array.from({ length: count }, () => newId())
  const rows = ids.map((id) => ({ id, name: 'room', visibility: 'public' as const }))
  await admin.db.insertInto('chat.rooms').values(rows).execute()
  return ids
}

export async function newRoom(database: TestDatabase): Promise<string> {
  const [room = ''] = await newRooms(database, 1)
  return room
}

export function created(roomId: string, changes: Partial<MessageCreated> = {}): MessageCreated {
  return {
    v: 1,
    eventId: newId(),
    roomId,
    senderId: SENDER,
    clientMsgId: newId(),
    body: BODY,
    acceptedAt: new Date().toISOString(),
    edgeId: 'edge-test',
    ...changes,
  }
}

export const SENDER = newId()

export function recordOf(value: Buffer | null, offset = 0, key: string | null = null): LogRecord {
  return { key, headers: {}, value, offset: BigInt(offset) }
}

export function candidate(event: MessageCreated, offset = 0): Candidate {
  return { record: recordOf(encodeCreated(event).value, offset, event.roomId), event }
}

export function candidates(events: readonly MessageCreated[], firstOffset = 0): readonly Candidate[] {
  return events.map((event, index) => candidate(event, firstOffset + index))
}

/** As `storeBatches`, for one. */
export async function storeBatch(
  store: MessageStore,
  partition: number,
  candidates: readonly Candidate[],
): Promise<readonly Verdict[]> {
  const [verdicts = []] = await storeBatches(store, [{ partition, candidates }])
  return verdicts
}

/** As `storeBatches` gives them to its statement. */
export function newRowsOf(given: readonly Candidate[], sourcePartition = 0): readonly NewRow[] {
  return given.map(({ record, event }) => ({
    ...event,
    id: newId(),
    createdAt: event.acceptedAt,
    sourcePartition,
    sourceOffset: record.offset,
  }))
}

/** Sessions of this database that wait for a lock. */
export async function lockWaiters({ admin }: TestDatabase): Promise<number> {
  const { rows } = await sql`SELECT 1 FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock'`.execute(admin.db)
  return rows.length
}

export const kinds = (verdicts: readonly Verdict[]) => verdicts.map(({ kind }) => kind)

export async function bodiesOf({ admin }: TestDatabase, roomId: string): Promise<readonly string[]> {
  const rows = await admin.db
    .selectFrom('chat.messages')
    .select('body')
    .where('room_id', '=', roomId)
    .orderBy('seq')
    .execute()
  return rows.map(({ body }) => body)
}

/** Every room: seqs are 1..n without a hole, ids rise with them, and the head is the last row. */
export async function expectSoundRooms({ admin }: TestDatabase): Promise<void> {
  const broken = await sql`
    SELECT r.id, r.last_seq, r.last_message_id, m.* FROM chat.rooms r
    LEFT JOIN LATERAL (
      SELECT count(*) AS n, min(seq) AS lowest, max(seq) AS highest,
             array_agg(id ORDER BY seq) = array_agg(id ORDER BY id) AS ids_rise,
             (array_agg(id ORDER BY seq DESC))[1] AS newest_id,
             (array_agg(created_at ORDER BY seq DESC))[1] AS newest_at
      FROM chat.messages WHERE room_id = r.id
    ) m ON true
    WHERE r.last_seq <> m.n
       OR m.n > 0 AND (m.lowest <> 1 OR m.highest <> m.n OR NOT m.ids_rise)
       OR r.last_message_id IS DISTINCT FROM m.newest_id
       OR r.last_message_at IS DISTINCT FROM m.newest_at`.execute(admin.db)
  expect(broken.rows).toEqual([])
}
