import { execFile } from 'node:child_process'
import { chmod, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Redis } from 'ioredis'
import { Client } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { treeOf } from '../src/proof/servers/process-tree.ts'
import { controlledPostgres, controlledRedis, type ProcessEnd } from '../src/proof.ts'
import { suiteOnNative } from './suite-on-native.ts'

const run = promisify(execFile)
const PATIENCE = { timeout: 10_000 }

let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'roomlog-test-controlled-'))
  // PostgreSQL's account has to come through.
  await chmod(folder, 0o711)
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const processesOf = async (pid = 0) => (await treeOf(pid)).length

/** `pending`, or what the promise has come to when everything at hand has been dealt with. */
async function stateOf(promise: Promise<unknown>): Promise<'pending' | 'fulfilled' | 'rejected'> {
  const settled = promise.then(
    () => 'fulfilled' as const,
    () => 'rejected' as const,
  )
  return Promise.race([settled, new Promise<'pending'>((resolve) => setTimeout(resolve, 200, 'pending'))])
}

async function connected(url: string): Promise<Client> {
  const client = new Client({ connectionString: url })
  client.on('error', () => undefined)
  await client.connect()
  return client
}

async function rows(url: string, statement: string): Promise<readonly unknown[]> {
  const client = await connected(url)
  try {
    return (await client.query(statement)).rows
  } finally {
    await client.end()
  }
}

const tryPostgres = async () => (await controlledPostgres())[Symbol.asyncDispose]()
const tryRedis = () => run('redis-server', ['--version'])

suiteOnNative('postgres', tryPostgres, 'a controlled PostgreSQL', () => {
  test('keeps what was committed through kill -9, on the same URL', async () => {
    await using server = await controlledPostgres({ folder })
    await rows(server.url, 'CREATE TABLE kept AS SELECT 7 AS number')
    await server.kill()
    expect(server.pid).toBeUndefined()
    await expect(connected(server.url)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    await server.start()
    await server.ready()
    expect(await rows(server.url, 'SELECT number FROM kept')).toEqual([{ number: 7 }])
  })

  test('loses its sessions and their processes when it is killed, also while it is paused', async () => {
    await using server = await controlledPostgres({ folder })
    const client = await connected(server.url)
    const ended = new Promise((resolve) => client.once('end', resolve))
    const { pid } = server
    expect(await processesOf(pid)).toBeGreaterThan(1)
    const backends = (await treeOf(pid ?? 0)).map((it) => it.pid)
    await server.pause()
    await server.kill()
    await ended
    for (const backend of backends) expect(await processesOf(backend)).toBe(0)
    await server.start()
    await server.ready()
  })

  test('answers nothing while it is paused, and everything when it is resumed', async () => {
    await using server = await controlledPostgres({ folder })
    const client = await connected(server.url)
    await server.pause()
    const answer = client.query('SELECT 1 AS one')
    expect(await stateOf(answer)).toBe('pending')
    await server.resume()
    expect((await answer).rows).toEqual([{ one: 1 }])
    await client.end()
  })

  test.for(['fast', 'immediate'] as const)('restarts %s with its data', async (how) => {
    const ends: ProcessEnd[] = []
    await using server = await controlledPostgres({ folder, onUnexpectedEnd: (end) => ends.push(end) })
    await rows(server.url, 'CREATE TABLE kept AS SELECT 7 AS number')
    const { pid } = server
    await server.restart(how)
    await server.ready()
    expect(server.pid).not.toBe(pid)
    expect(await rows(server.url, 'SELECT number FROM kept')).toEqual([{ number: 7 }])
    expect(ends).toEqual([])
  })

  test('writes through to the disk', async () => {
    await using server = await controlledPostgres({ folder })
    const settings = `SELECT name, setting FROM pg_settings
      WHERE name IN ('fsync', 'synchronous_commit', 'max_connections') ORDER BY name`
    expect(await rows(server.url, settings)).toEqual([
      { name: 'fsync', setting: 'on' },
      { name: 'max_connections', setting: '300' },
      { name: 'synchronous_commit', setting: 'on' },
    ])
  })

  test('leaves no process and no folder behind', async () => {
    const server = await controlledPostgres({ folder })
    expect(await readdir(folder)).toHaveLength(1)
    const pids = (await treeOf(server.pid ?? 0)).map(({ pid }) => pid)
    await server[Symbol.asyncDispose]()
    expect(await readdir(folder)).toEqual([])
    for (const pid of pids) expect(await processesOf(pid)).toBe(0)
  })
})

suiteOnNative('redis', tryRedis, 'a controlled Redis', () => {
  async function ask<T>(url: string, question: (client: Redis) => Promise<T>): Promise<T> {
    const client = new Redis(url, { maxRetriesPerRequest: 0 })
    client.on('error', () => undefined)
    try {
      return await question(client)
    } finally {
      client.disconnect()
    }
  }

  test('keeps what was written through kill -9 when it is durable, and nothing otherwise', async () => {
    for (const [durable, value] of [
      [true, 'value'],
      [false, null],
    ] as const) {
      await using server = await controlledRedis({ folder, durable })
      await ask(server.url, (client) => client.set('key', 'value'))
      await server.kill()
      await server.start()
      await server.ready()
      expect(await ask(server.url, (client) => client.get('key'))).toBe(value)
    }
  })

  test('forgets everything on flushAll', async () => {
    await using server = await controlledRedis({ folder })
    await ask(server.url, (client) => client.set('key', 'value'))
    await server.flushAll()
    expect(await ask(server.url, (client) => client.get('key'))).toBe(null)
  })

  test('answers nothing while it is paused, and everything when it is resumed', async () => {
    await using server = await controlledRedis({ folder })
    await ask(server.url, async (client) => {
      await client.ping()
      await server.pause()
      expect(server.paused).toBe(true)
      const answer = client.ping()
      expect(await stateOf(answer)).toBe('pending')
      await server.resume()
      expect(await answer).toBe('PONG')
    })
  })

  test('tells when it ended and nobody had told it to, and does not come back by itself', async () => {
    const ends: ProcessEnd[] = []
    await using server = await controlledRedis({ folder, onUnexpectedEnd: (end) => ends.push(end) })
    process.kill(server.pid ?? 0, 'SIGKILL')
    await expect.poll(() => ends, PATIENCE).toMatchObject([{ name: 'Redis', signal: 'SIGKILL' }])
    expect(server.pid).toBeUndefined()
    await expect(server.ready()).rejects.toThrow('Redis does not run')
    await server.start()
    await server.ready()
    await server.stop()
    expect(ends).toHaveLength(1)
  })

  test('leaves no process and no folder behind', async () => {
    const server = await controlledRedis({ folder })
    const { pid } = server
    await server.pause()
    await server[Symbol.asyncDispose]()
    expect(await readdir(folder)).toEqual([])
    expect(await processesOf(pid)).toBe(0)
  })

  test('dies with the process that started it and takes its folder along, although that is killed', async () => {
    const fixture = join(import.meta.dirname, 'fixtures', 'starts-and-dies.ts')
    const { promise, resolve } = Promise.withResolvers<string>()
    execFile(process.execPath, [fixture, folder], (_error, stdout) => resolve(stdout))
    const report: { readonly pids: readonly number[]; readonly folders: readonly string[] } = JSON.parse(
      await promise,
    )
    expect(report.pids.length).toBeGreaterThan(2)
    expect(report.folders).toHaveLength(2)
    const left = async () => (await Promise.all(report.pids.map(processesOf))).reduce((a, b) => a + b)
    await expect.poll(left, PATIENCE).toBe(0)
    await expect.poll(() => readdir(folder), PATIENCE).toEqual([])
  })
})
