import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { searchCanaries, summaryOf } from './canaries.ts'
import { startHub } from './hub.ts'
import { REQUIRABLE } from './kinds.ts'

/**
 * Makes real servers available to a whole run of vitest and prints, last of all, which suites ran on which, and that
 * no secret stands in what services said meanwhile; the run fails where one does. Settings:
 * - TEST_DATABASE_URL, TEST_KAFKA_BROKERS (comma separated), TEST_REDIS_URL: servers to use instead of starting any;
 * - TEST_BROWSER: the program of a Chromium or Chrome, where that on PATH is not the one to use;
 * - TEST_REQUIRE: comma separated kinds, or `containers`, whose absence fails a suite instead of skipping it;
 * - TEST_CONTAINERS=0: start native servers although a container engine answers, and no image of the product.
 */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  // In a container Testcontainers takes the network's gateway for the host of a local engine. That suits an engine
  // outside, for which the variable can be set; one that runs beside us is at localhost.
  if (existsSync('/.dockerenv') && process.env.DOCKER_HOST === undefined)
    process.env.TESTCONTAINERS_HOST_OVERRIDE ??= 'localhost'

  const required = list(process.env.TEST_REQUIRE)
  const unknown = required.filter((kind) => !REQUIRABLE.some((known) => known === kind))
  if (unknown.length > 0) throw new Error(`TEST_REQUIRE names ${unknown}; it knows ${REQUIRABLE}`)

  const hub = await startHub(
    {
      given: {
        postgres: list(process.env.TEST_DATABASE_URL),
        kafka: list(process.env.TEST_KAFKA_BROKERS),
        redis: list(process.env.TEST_REDIS_URL),
        // None that runs already has a suite's targets and rules.
        prometheus: [],
        browser: list(process.env.TEST_BROWSER),
        python: list(process.env.TEST_PYTHON),
      },
      containers: process.env.TEST_CONTAINERS !== '0',
    },
    required,
  )
  project.provide('roomlogHub', hub.url)
  const said = await mkdtemp(join(tmpdir(), 'roomlog-said-'))
  project.provide('roomlogSaid', said)

  return async () => {
    const lines = await hub.summary()
    if (lines.length > 0) process.stdout.write(`\n${lines.join('\n')}\n`)
    await hub.stop()
    const search = await searchCanaries(said)
    process.stdout.write(`${summaryOf(search)}\n`)
    await rm(said, { recursive: true })
    if (search.hits.length > 0) throw new Error(`secrets were told:\n${search.hits.join('\n')}`)
  }
}

function list(value = ''): readonly string[] {
  return value
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '')
}
