import { Redis } from 'ioredis'
import { Kafka, logLevel } from 'kafkajs'
import { Client } from 'pg'
import { expect, test } from 'vitest'
import { kafka, namespace, postgres, prometheus, redis, suiteOn } from '../src/index.ts'

async function query(url: string, text: string): Promise<readonly Record<string, unknown>[]> {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query(text)).rows
  } finally {
    await client.end()
  }
}

suiteOn(['postgres'], 'postgres()', () => {
  test('gives an empty database to a superuser', async () => {
    await using db = await postgres()
    const [row] = await query(
      db.url,
      `SELECT current_setting('is_superuser') AS superuser,
              (SELECT count(*)::int FROM pg_tables WHERE schemaname = 'public') AS tables`,
    )
    expect(row).toEqual({ superuser: 'on', tables: 0 })
  })

  test('gives each caller a database of its own', async () => {
    await using one = await postgres()
    await using other = await postgres()
    await query(one.url, 'CREATE TABLE mine ()')
    expect(await query(other.url, "SELECT to_regclass('mine') AS mine")).toEqual([{ mine: null }])
  })

  test('drops the database when disposed, also under a connection', async () => {
    const db = await postgres()
    const client = new Client({ connectionString: db.url })
    const ended = new Promise((resolve) => client.on('error', resolve))
    await client.connect()
    await db[Symbol.asyncDispose]()
    expect(await ended).toMatchObject({ code: '57P01' })
    await expect(query(db.url, 'SELECT 1')).rejects.toMatchObject({ code: '3D000' })
  })
})

suiteOn(['kafka'], 'kafka()', () => {
  test('gives a broker that makes and lists topics, with a namespace of its own', async () => {
    await using one = await kafka()
    await using other = await kafka()
    expect(one.namespace).not.toBe(other.namespace)
    const topic = `${one.namespace}.topic`
    const admin = new Kafka({ brokers: [...one.brokers], logLevel: logLevel.NOTHING }).admin()
    await admin.connect()
    try {
      await admin.createTopics({ topics: [{ topic, numPartitions: 3 }] })
      expect(await admin.listTopics()).toContain(topic)
    } finally {
      await admin.disconnect()
    }
  })

  test('takes a namespace chosen by the caller', async () => {
    const ns = namespace()
    await using given = await kafka(ns)
    expect(given.namespace).toBe(ns)
  })
})

suiteOn(['redis'], 'redis()', () => {
  test('gives a server that answers, with a namespace of its own', async () => {
    await using one = await redis()
    await using other = await redis()
    expect(one.namespace).not.toBe(other.namespace)
    const client = new Redis(one.url)
    try {
      expect(await client.ping()).toBe('PONG')
    } finally {
      client.disconnect()
    }
  })
})

suiteOn(['prometheus'], 'prometheus()', () => {
  test('gives a server with the files of the caller, and the tool beside them', async () => {
    const rules = { groups: [{ name: 'one', rules: [{ record: 'two', expr: '1 + 1' }] }] }
    await using server = await prometheus({
      'prometheus.yml': JSON.stringify({
        global: { evaluation_interval: '1s' },
        rule_files: ['sub/rules.yml'],
      }),
      'sub/rules.yml': JSON.stringify(rules),
    })
    const value = async () => {
      const answer = await fetch(`${server.url}/api/v1/query?query=two`)
      return ((await answer.json()) as { data: { result: { value: unknown[] }[] } }).data.result[0]?.value[1]
    }
    await expect.poll(value, { timeout: 20_000 }).toBe('2')
    expect(await server.promtool('check', 'rules', 'sub/rules.yml')).toMatchObject({ code: 0 })
    expect(await server.promtool('check', 'rules', 'prometheus.yml')).toMatchObject({ code: 1 })
  })
})
