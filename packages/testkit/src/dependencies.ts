import { randomBytes } from 'node:crypto'
import { Redis } from 'ioredis'
import { Kafka, logLevel } from 'kafkajs'
import { Client } from 'pg'
import { findServer } from './hub-client.ts'
import type { DependencyKind } from './kinds.ts'

const SCAN_COUNT = 1000

export type TestPostgres = AsyncDisposable & {
  /** Connection URL of a superuser, to an empty database of this caller alone. */
  readonly url: string
}

export type TestKafka = AsyncDisposable & {
  /** `host:port` of each broker. */
  readonly brokers: readonly string[]
  readonly namespace: string
}

export type TestRedis = AsyncDisposable & {
  readonly url: string
  readonly namespace: string
  /** Each key below the namespace, with its value as the server dumps it. */
  readonly contents: () => Promise<readonly string[]>
}

/** A value for the setting NAMESPACE that no other suite has, so that they can share servers. */
export function namespace(): string {
  return `t${randomBytes(5).toString('hex')}`
}

/** A fresh database on the run's PostgreSQL. Disposing drops it under whoever is still connected. */
export async function postgres(): Promise<TestPostgres> {
  const server = await available('postgres')
  const name = `roomlog_test_${namespace()}`
  await execute(server.urls[0], `CREATE DATABASE ${name}`)
  const url = new URL(server.urls[0])
  url.pathname = `/${name}`
  return {
    url: url.href,
    [Symbol.asyncDispose]: () => execute(server.urls[0], `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`),
  }
}

async function execute(url: string, statement: string): Promise<void> {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    await client.query(statement)
  } finally {
    await client.end()
  }
}

/** The run's Kafka. Disposing deletes the topics below the namespace from a broker that outlives the run. */
export async function kafka(ns = namespace()): Promise<TestKafka> {
  const { urls: brokers, how } = await available('kafka')
  return {
    brokers,
    namespace: ns,
    [Symbol.asyncDispose]: async () => {
      if (how === 'given') await deleteTopics(brokers, `${ns}.`)
    },
  }
}

async function deleteTopics(brokers: readonly string[], prefix: string): Promise<void> {
  const admin = new Kafka({ brokers: [...brokers], logLevel: logLevel.NOTHING }).admin()
  await admin.connect()
  try {
    const topics = (await admin.listTopics()).filter((topic) => topic.startsWith(prefix))
    if (topics.length > 0) await admin.deleteTopics({ topics })
  } finally {
    await admin.disconnect()
  }
}

/** The run's Redis. Disposing deletes the keys below the namespace from a server that outlives the run. */
export async function redis(ns = namespace()): Promise<TestRedis> {
  const { urls, how } = await available('redis')
  return {
    url: urls[0],
    namespace: ns,
    contents: () => contentsBelow(urls[0], `${ns}:*`),
    [Symbol.asyncDispose]: async () => {
      if (how === 'given') await deleteKeys(urls[0], `${ns}:*`)
    },
  }
}

async function contentsBelow(url: string, pattern: string): Promise<readonly string[]> {
  const client = new Redis(url)
  try {
    const contentOf = async (key: string) => `${key} ${(await client.dumpBuffer(key))?.toString('latin1')}`
    return await Promise.all((await client.keys(pattern)).map(contentOf))
  } finally {
    client.disconnect()
  }
}

async function deleteKeys(url: string, pattern: string): Promise<void> {
  const client = new Redis(url)
  try {
    for await (const keys of client.scanStream({ match: pattern, count: SCAN_COUNT })) {
      if (keys.length > 0) await client.unlink(...(keys as string[]))
    }
  } finally {
    client.disconnect()
  }
}

/** Throws where there is none. */
export async function available(kind: DependencyKind) {
  const found = await findServer(kind)
  if (!found.available) throw new Error(`no ${kind}: ${found.reason}`)
  return found
}
