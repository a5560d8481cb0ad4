import { postgres, suiteOn, type TestPostgres } from '@roomlog/testkit'
import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { connect, type Database, failureKind, listen, migrate } from '../src/index.ts'

suiteOn(['postgres'], 'migrate', () => {
  let server: TestPostgres
  const databases: Database[] = []
  const open = () => {
    const database = connect({ url: server.url, applicationName: 'test' })
    databases.push(database)
    return database
  }

  beforeAll(async () => {
    server = await postgres()
  })
  afterAll(async () => {
    for (const database of databases) await database.close()
    await server[Symbol.asyncDispose]()
  })

  test('racing runs both succeed, and a later one finds nothing to do', async () => {
    const results = await Promise.all([migrate(server.url), migrate(server.url), migrate(server.url)])
    expect(results.flatMap((r) => r.applied).toSorted()).toEqual([
      '0001-chat',
      '0002-engine',
      '0003-room-lists',
      '0004-past-members',
    ])
    expect(await migrate(server.url)).toEqual({ applied: [], roles: true })
    const { epoch } = await open().db.selectFrom('chat.cluster').select('epoch').executeTakeFirstOrThrow()
    expect(epoch).toMatch(/^[0-9a-f-]{36}$/)
  })

  test('errors are told apart by their SQLSTATE', async () => {
    const { db } = open()
    const kind = async (statement: ReturnType<typeof sql>) =>
      statement.execute(db).then(() => 'none', failureKind)
    expect(await kind(sql`SELECT 1 / 0`)).toBe('data')
    expect(await kind(sql`SELECT nothing FROM nowhere`)).toBe('schema')
    expect(await kind(sql`SELECT pg_terminate_backend(pg_backend_pid())`)).toBe('transient')
    const nowhere = connect({ url: 'postgres://localhost:1/x', applicationName: 'test' })
    expect(failureKind(await nowhere.ping().catch((error: unknown) => error))).toBe('transient')
    await nowhere.close()
  })

  test('a connection lost between two statements of a transaction fails that transaction and nothing else', async () => {
    const { db } = open()
    const work = db.transaction().execute(async (trx) => {
      const { rows } = await sql<{ pid: number }>`SELECT pg_backend_pid() AS pid`.execute(trx)
      await sql`SELECT pg_terminate_backend(${rows[0]?.pid}, 5000)`.execute(open().db)
      await sql`SELECT 1`.execute(trx)
    })
    expect(failureKind(await work.catch((error: unknown) => error))).toBe('transient')
    await sql`SELECT 1`.execute(db)
  })

  test('a listener hears notifications, and comes back when its connection is killed', async () => {
    const { db } = open()
    const heard: string[] = []
    let connected = 0
    const stop = listen(open(), {
      channels: ['Test channel'],
      onNotification: (_channel, payload) => heard.push(payload),
      onConnected: () => {
        connected += 1
      },
      onError: () => undefined,
    })
    await expect.poll(() => connected).toBe(1)
    await sql`SELECT pg_notify('Test channel', 'one')`.execute(db)
    await expect.poll(() => heard).toEqual(['one'])
    await sql`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%' AND datname = current_database()`.execute(
      db,
    )
    await expect.poll(() => connected, { timeout: 5000 }).toBe(2)
    await sql`SELECT pg_notify('Test channel', 'two')`.execute(db)
    await expect.poll(() => heard).toEqual(['one', 'two'])
    await stop()
  })
})
