import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../src/embedded.ts'
import { connect } from '../src/index.ts'

describe('embedded PostgreSQL', () => {
  let folder: string
  const started: EmbeddedPostgres[] = []
  const start = async (dataDir = join(folder, 'postgres')) => {
    const server = await startEmbeddedPostgres({ dataDir })
    started.push(server)
    return server
  }

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'roomlog-embedded-'))
  })
  afterAll(async () => {
    for (const server of started) await server.stop()
    await rm(folder, { recursive: true, force: true })
  })

  test('keeps its data, durably, from start to start', async () => {
    const first = await start()
    expect(first).toMatchObject({ found: false, isNew: true })
    await query(first.url, sql`CREATE TABLE kept (n int)`)
    await query(first.url, sql`INSERT INTO kept VALUES (7)`)
    const [settings] = await query(
      first.url,
      sql`SELECT current_setting('fsync') AS fsync, current_setting('synchronous_commit') AS commit`,
    )
    expect(settings).toEqual({ fsync: 'on', commit: 'on' })
    await first.stop()
    await expect(query(first.url, sql`SELECT 1`)).rejects.toThrow()

    const second = await start()
    expect(second).toMatchObject({ found: false, isNew: false, url: first.url })
    expect(await query(second.url, sql`SELECT n FROM kept`)).toEqual([{ n: 7 }])
    await second.stop()
  })

  test('comes up again on what a kill -9 left behind', async () => {
    const killed = await start()
    process.kill(killed.pid, 'SIGKILL')
    await killed.died
    const again = await start()
    expect(await query(again.url, sql`SELECT n FROM kept`)).toEqual([{ n: 7 }])
    await again.stop()
  })

  test('one that runs already is found and shared, and stopped once', async () => {
    const first = await start()
    const found = await start()
    expect(found).toMatchObject({ found: true, pid: first.pid, url: first.url })
    await found.stop()
    await first.stop()
  })

  test('listens on this machine only, with a password that is in no command line', async () => {
    const server = await start()
    const [row] = await query(server.url, sql`SELECT current_setting('listen_addresses') AS addresses`)
    expect(row).toEqual({ addresses: '127.0.0.1' })
    const url = new URL(server.url)
    expect(url.password.length).toBeGreaterThanOrEqual(20)
    url.password = 'wrong'
    await expect(query(url.href, sql`SELECT 1`)).rejects.toMatchObject({ code: '28P01' })
    await server.stop()
  })

  test('two folders are two servers', async () => {
    const [a, b] = await Promise.all([start(join(folder, 'a')), start(join(folder, 'b'))])
    expect(a.pid).not.toBe(b.pid)
    expect(a.url).not.toBe(b.url)
    await Promise.all([a.stop(), b.stop()])
  })

  test('a data folder that is a file ends in a sentence, not in a stack', async () => {
    const file = join(folder, 'file')
    await writeFile(file, '')
    await expect(start(file)).rejects.toThrow(/file/)
    expect((await stat(file)).isFile()).toBe(true)
  })
})

async function query(url: string, statement: ReturnType<typeof sql>): Promise<readonly unknown[]> {
  const database = connect({ url, applicationName: 'test', poolSize: 1 })
  try {
    return (await statement.execute(database.db)).rows
  } finally {
    await database.close()
  }
}
