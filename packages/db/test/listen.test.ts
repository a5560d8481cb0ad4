import { type FaultProxy, faultProxy, postgres, suiteOn, type TestPostgres } from '@roomlog/testkit'
import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { connect, type Database, listen } from '../src/index.ts'

/** So many that the connection can be lost between two of their statements. */
const CHANNELS = Array.from({ length: 500 }, (_, i) => `channel_${i}`)
const PATIENCE = { timeout: 10_000 }

suiteOn(['postgres'], 'a listener whose connection is lost', () => {
  let server: TestPostgres
  let proxy: FaultProxy
  let admin: Database

  beforeAll(async () => {
    server = await postgres()
    proxy = await faultProxy(server.url)
    admin = connect({ url: server.url, applicationName: 'listen-test-admin' })
  })
  afterAll(async () => {
    await admin.close()
    await proxy[Symbol.asyncDispose]()
    await server[Symbol.asyncDispose]()
  })

  const sessions = async () => {
    const { rows } = await sql<{ query: string }>`SELECT query FROM pg_stat_activity
      WHERE application_name = 'listen-test' AND datname = current_database()`.execute(admin.db)
    return rows
  }

  test('while it begins comes back once, and gives its connection back', async () => {
    const database = connect({ url: proxy.url, applicationName: 'listen-test' })
    let connected = 0
    let lost = 0
    const stop = listen(database, {
      channels: CHANNELS,
      onNotification: () => undefined,
      onConnected: () => {
        connected += 1
      },
      onError: () => {
        lost += 1
      },
    })
    await expect
      .poll(async () => (await sessions()).some(({ query }) => query.startsWith('LISTEN')), { interval: 1 })
      .toBe(true)
    proxy.cut()
    await expect.poll(() => lost, PATIENCE).toBeGreaterThan(0)
    proxy.heal()
    await expect.poll(() => connected, PATIENCE).toBeGreaterThan(0)
    await expect
      .poll(async () => (await sessions()).filter(({ query }) => query.startsWith('LISTEN')).length)
      .toBe(1)
    // A second way back would have a connection by now that nobody gives back: the pool would wait for it.
    await stop()
    await database.close()
    expect(connected).toBe(1)
  })
})
