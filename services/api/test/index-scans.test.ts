import { connect, type Database, ROLES } from '@roomlog/db'
import { newId } from '@roomlog/protocol'
import { suiteOn } from '@roomlog/testkit'
import { type RawBuilder, sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { historyQuery } from '../src/rooms/history.ts'
import { membersQuery } from '../src/rooms/members.ts'
import { publicRoomsQuery } from '../src/rooms/public-rooms.ts'
import { roomsOfUserQuery } from '../src/rooms/room-view.ts'
import { type TestDatabase, testDatabase } from './support.ts'

const ROOMS = 20_000
const USERS = 5_000
const MESSAGES = 20_000

interface Plan {
  readonly 'Node Type': string
  readonly 'Relation Name'?: string
  readonly 'Index Name'?: string
  readonly 'Actual Rows': number
  readonly 'Actual Loops': number
  readonly Plans?: readonly Plan[]
}

suiteOn(['postgres'], 'lists are read from an index, in its order', () => {
  let database: TestDatabase
  let api: Database
  const [room, user] = [newId(0), newId(1)]

  beforeAll(async () => {
    database = await testDatabase()
    api = connect({ url: database.url, role: ROLES.api, applicationName: 'api-test' })
    const { db } = database.admin
    await sql`INSERT INTO chat.users (id, username, display_name)
      SELECT 'U' || lpad(i::text, 25, '0'), 'u_' || i, 'User' FROM generate_series(1, ${USERS}::int) i
      UNION ALL VALUES (${user}, 'user', 'User')`.execute(db)
    await sql`INSERT INTO chat.rooms (id, name, visibility, member_count)
      SELECT 'R' || lpad(i::text, 25, '0'), 'Room ' || md5(i::text), CASE WHEN i % 5 = 0 THEN 'private' ELSE 'public' END, i % 2
      FROM generate_series(1, ${ROOMS}::int) i
      UNION ALL VALUES (${room}, 'Lobby', 'public', ${USERS}::int)`.execute(db)
    await sql`INSERT INTO chat.room_members (room_id, user_id, role)
      SELECT ${room}, id, 'member' FROM chat.users UNION ALL
      SELECT 'R' || lpad(i::text, 25, '0'), 'U' || lpad((i % ${USERS}::int + 1)::text, 25, '0'), 'owner'
      FROM generate_series(1, ${ROOMS}::int) i UNION ALL
      SELECT 'R' || lpad(i::text, 25, '0'), ${user}, 'member' FROM generate_series(20, ${ROOMS}::int, 20) i`.execute(
      db,
    )
    await sql`INSERT INTO chat.messages
        (room_id, seq, id, sender_id, client_msg_id, body, created_at, source_partition, source_offset)
      SELECT ${room}, i, 'M' || lpad(i::text, 25, '0'), 'U' || lpad((i % ${USERS}::int + 1)::text, 25, '0'),
             'message-' || i, 'hello', now(), 0, i
      FROM generate_series(1, ${MESSAGES}::int) i`.execute(db)
    await sql`ANALYZE chat.users, chat.rooms, chat.room_members, chat.messages`.execute(db)
  })
  afterAll(async () => {
    await api.close()
    await database[Symbol.asyncDispose]()
  })

  /** Every node of the plan, run as the api's role. */
  async function plan(query: RawBuilder<unknown>): Promise<readonly Plan[]> {
    const explained = await sql<{ 'QUERY PLAN': readonly { Plan: Plan }[] }>`
      EXPLAIN (ANALYZE, FORMAT JSON) ${query}`.execute(api.db)
    const nodes = (node: Plan): readonly Plan[] => [node, ...(node.Plans ?? []).flatMap(nodes)]
    return (explained.rows[0]?.['QUERY PLAN'] ?? []).flatMap(({ Plan }) => nodes(Plan))
  }

  /** No more is read than the page shows: neither filtered out nor sorted. */
  function expectIndexScan(nodes: readonly Plan[], index: string, atMost: number): void {
    const [scan] = nodes.filter((node) => node['Index Name'] === index)
    expect(scan?.['Node Type']).toMatch(/^Index (Only )?Scan$/)
    expect(scan?.['Actual Rows']).toBeLessThanOrEqual(atMost)
    const types = nodes
      .filter((node) => node['Relation Name'] !== 'messages')
      .map((node) => node['Node Type'])
    expect(types).not.toContain('Seq Scan')
    expect(types).not.toContain('Sort')
  }

  const position = { id: 'R0000000000000000000000500', name: 'Room 8' }
  test.each([
    ['all', { search: '', limit: 50 }],
    ['all, further on', { search: '', cursor: position, limit: 50 }],
    ['those that many names begin like', { search: 'room', limit: 50 }],
    ['those that many names begin like, further on', { search: 'ROOM ', cursor: position, limit: 100 }],
    ['none', { search: '%', limit: 50 }],
  ])('public rooms: %s', async (_, page) => {
    expectIndexScan(await plan(publicRoomsQuery(page)), 'rooms_public', page.limit + 1)
  })

  test('public rooms: few, where sorting what the index found is as good', async () => {
    const nodes = await plan(publicRoomsQuery({ search: 'room 7f', limit: 50 }))
    const [scan] = nodes.filter((node) => node['Index Name'] === 'rooms_public')
    expect(scan?.['Node Type']).toMatch(/^(Bitmap )?Index Scan$/)
    expect(scan?.['Actual Rows']).toBeLessThan(100)
  })

  test.each([
    ['the first', { limit: 50 }],
    ['one further on', { limit: 100, cursor: `U${'2500'.padStart(25, '0')}` }],
  ])('members of a room, %s', async (_, page) => {
    expectIndexScan(await plan(membersQuery(room, page)), 'room_members_pkey', page.limit + 1)
  })

  test.each([
    ['the first', { limit: 50 }],
    ['one further on', { limit: 100, cursor: `R${'10000'.padStart(25, '0')}` }],
  ])('my rooms, %s', async (_, page) => {
    expectIndexScan(await plan(roomsOfUserQuery(user, page)), 'room_members_user', page.limit + 1)
  })

  test.each([
    ['the newest', { before: Number.MAX_SAFE_INTEGER }],
    ['far back', { before: 500 }],
    ['onwards', { after: 10_000 }],
  ])('history, %s', async (_, position) => {
    const nodes = await plan(
      historyQuery({ roomId: room, userId: `U${'1'.padStart(25, '0')}` }, position, 50),
    )
    const read = nodes.filter((node) => node['Relation Name'] !== undefined)
    const names = read.map((node) => node['Index Name'] ?? node['Relation Name'])
    expect(names).toContain('messages_pkey')
    // One row, beside which everything is found by an index.
    expect(
      names.filter((name) => ['cluster', 'rooms', 'messages', 'room_members', 'users'].includes(name ?? '')),
    ).toEqual(['cluster'])
    const rows = read.map((node) => node['Actual Rows'] * node['Actual Loops'])
    expect(Math.max(...rows)).toBe(50)
  })

  test('and what the persister moves in a room touches no index', async () => {
    const { rows } = await database.admin.db.transaction().execute(async (trx) => {
      await sql`UPDATE chat.rooms SET last_seq = last_seq + 1, last_message_id = ${newId()}, last_message_at = now()
        WHERE id = ${room}`.execute(trx)
      return sql<{ hot: number }>`
        SELECT pg_stat_get_xact_tuples_hot_updated('chat.rooms'::regclass) AS hot`.execute(trx)
    })
    expect(rows).toEqual([{ hot: 1 }])
  })
})
