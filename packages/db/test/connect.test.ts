import { postgres, suiteOn } from '@roomlog/testkit'
import { sql } from 'kysely'
import { expect, onTestFinished, test } from 'vitest'
import { connect, type Database } from '../src/index.ts'

suiteOn(['postgres'], 'a pool', () => {
  test('tells how many connections it has, and who waits for one', async () => {
    const server = await postgres()
    onTestFinished(() => server[Symbol.asyncDispose]())
    const database = connect({ url: server.url, applicationName: 'connect-test', poolSize: 1 })
    onTestFinished(() => database.close())
    expect(database.pool()).toEqual({ open: 0, idle: 0, waiting: 0 })
    await database.ping()
    expect(database.pool()).toEqual({ open: 1, idle: 1, waiting: 0 })
    const taken = await database.dedicated()
    const waiting = database.ping()
    expect(database.pool()).toEqual({ open: 1, idle: 0, waiting: 1 })
    taken.release()
    await waiting
    expect(database.pool()).toEqual({ open: 1, idle: 1, waiting: 0 })
  })
})

suiteOn(['postgres'], 'a session', () => {
  test('compiles nothing, is in UTC, and prepares what asks for it, once', async () => {
    const server = await postgres()
    onTestFinished(() => server[Symbol.asyncDispose]())
    const { db, close } = connect({ url: server.url, applicationName: 'connect-test', poolSize: 1 })
    onTestFinished(() => close())
    for (const number of [1, 2]) {
      await sql`SELECT ${number}::int AS once`.execute(db)
      await sql`/* prepared */ SELECT ${number}::int AS often`.execute(db)
      await sql`/* prepared */ SELECT ${number}::int AS often, true AS "or another"`.execute(db)
    }
    const prepared = await sql`SELECT statement FROM pg_prepared_statements ORDER BY statement`.execute(db)
    expect(prepared.rows).toEqual([
      { statement: '/* prepared */ SELECT $1::int AS often' },
      { statement: '/* prepared */ SELECT $1::int AS often, true AS "or another"' },
    ])
    const settings = await sql`SELECT name, setting FROM pg_settings
      WHERE name IN ('jit', 'TimeZone') AND source = 'client' ORDER BY name COLLATE "C"`.execute(db)
    expect(settings.rows).toEqual([
      { name: 'TimeZone', setting: 'UTC' },
      { name: 'jit', setting: 'off' },
    ])
  })
})

suiteOn(['postgres'], 'a database that is closed', () => {
  test.each([
    ['that was only pinged', (database: Database) => database.ping()],
    ['that was asked', (database: Database) => sql`SELECT 1`.execute(database.db)],
    [
      'from which a dedicated connection was taken',
      async (database: Database) => (await database.dedicated()).release(),
    ],
  ])('%s leaves no session behind', async (_, use) => {
    const server = await postgres()
    onTestFinished(() => server[Symbol.asyncDispose]())
    const admin = connect({ url: server.url, applicationName: 'connect-test-admin' })
    onTestFinished(() => admin.close())
    const sessions = async () => {
      const { rows } = await sql`SELECT pid FROM pg_stat_activity WHERE application_name = 'connect-test'
        AND datname = current_database()`.execute(admin.db)
      return rows.length
    }
    const database = connect({ url: server.url, applicationName: 'connect-test' })
    await use(database)
    expect(await sessions()).toBe(1)
    await database.close()
    await database.close()
    await expect.poll(sessions).toBe(0)
  })
})
