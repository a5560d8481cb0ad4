import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { Kafka, logLevel } from 'kafkajs'
import { describe, expect, test } from 'vitest'
import { kafka, redis, suiteOn } from '../src/index.ts'

/** Runs a fixture in a vitest of its own, on a machine that has no server but those `env` names. */
function runFixture(file: string, env: Readonly<Record<string, string>>) {
  const { promise, resolve } = Promise.withResolvers<{ readonly failed: boolean; readonly output: string }>()
  const args = [join(import.meta.dirname, 'fixtures', 'run.ts'), file]
  const options = { env: { PATH: '', NO_COLOR: '1', TEST_CONTAINERS: '0', ...env } }
  execFile(process.execPath, args, options, (error, stdout, stderr) =>
    resolve({ failed: error !== null, output: stdout + stderr }),
  )
  return promise
}

const REASON =
  'redis: containers are switched off by TEST_CONTAINERS=0; redis-server did not start (not on PATH)'

describe('a server that cannot be had', () => {
  test('skips the suite, with the reason in its title and in the summary', async () => {
    const { failed, output } = await runFixture('needs-redis.ts', { TEST_REQUIRE: 'kafka' })
    expect(output).toContain(`a suite on redis > skipped, no ${REASON}`)
    expect(output).toContain('Real dependencies: 0 suites ran, 1 suite skipped')
    expect(output).toContain(`skipped   a suite on redis: ${REASON}`)
    expect(failed).toBe(false)
  })

  test('fails the suite when TEST_REQUIRE names it', async () => {
    const { failed, output } = await runFixture('needs-redis.ts', { TEST_REQUIRE: 'kafka, redis' })
    expect(output).toContain(`Error: ${REASON}`)
    expect(failed).toBe(true)
  })
})

suiteOn(['kafka', 'redis'], 'servers given in the environment', () => {
  test('are used, and left without the topics and keys of the suite', async () => {
    await using log = await kafka()
    await using store = await redis()
    const env = { TEST_KAFKA_BROKERS: log.brokers.join(','), TEST_REDIS_URL: store.url }
    const { failed, output } = await runFixture('leaves-things-behind.ts', env)
    expect(output).toContain('1 suite on the server in the environment (given)')
    expect(failed).toBe(false)

    const admin = new Kafka({ brokers: [...log.brokers], logLevel: logLevel.NOTHING }).admin()
    await admin.connect()
    expect(await admin.listTopics()).not.toContain('left-behind.topic')
    await admin.disconnect()
    const client = new Redis(store.url)
    expect(await client.exists('left-behind:key')).toBe(0)
    client.disconnect()
  })
})
