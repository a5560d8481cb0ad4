import { suiteOn } from '@roomlog/testkit'
import type { FastifyInstance } from 'fastify'
import { expect, test } from 'vitest'
import { ask, credentials, expectRefusal, withApi } from './support.ts'

/** More than may wait for a hash at once, however many cores there are. */
const CROWD = 400

suiteOn(['postgres'], 'more logins than can be hashed', () => {
  let app: FastifyInstance

  withApi((api) => {
    ;({ app } = api)
  })

  test('are turned away at once, and those within the bound are answered', async () => {
    const logins = Array.from({ length: CROWD }, () => ask(app, 'POST /auth/login', { body: credentials() }))
    // Others go on meanwhile.
    expect((await ask(app, 'GET /config')).status).toBe(200)
    const answers = await Promise.all(logins)
    const turnedAway = answers.filter(({ status }) => status === 503)
    expect(turnedAway.length).toBeGreaterThan(0)
    expect(turnedAway.length).toBeLessThan(CROWD)
    for (const answer of turnedAway) {
      expectRefusal(answer, 503, 'unavailable')
      expect(Number(answer.headers['retry-after'])).toBeGreaterThanOrEqual(1)
    }
    for (const answer of answers.filter((a) => a.status !== 503))
      expectRefusal(answer, 401, 'invalid_credentials')
    // The crowd gone, there is room again: an answer is not waited for beyond its bound, but its hash was begun.
    const again = async () => (await ask(app, 'POST /auth/login', { body: credentials() })).status
    await expect.poll(again, { timeout: 20_000 }).toBe(401)
  })
})
