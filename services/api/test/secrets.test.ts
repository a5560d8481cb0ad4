import { Writable } from 'node:stream'
import { newId } from '@roomlog/protocol'
import { createLogger } from '@roomlog/service-kit'
import { type FaultProxy, faultProxy, keep, suiteOn } from '@roomlog/testkit'
import type { FastifyInstance } from 'fastify'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { age } from './sessions.ts'
import { ask, configFor, credentials, newRoom, startApi, type TestDatabase, testDatabase } from './support.ts'

const PASSWORD = 'canary-password-7f3a'
const WRONG = 'canary-wrong-password-91c2'
const NEW = 'canary-new-password-3d21'
const BODY = 'canary-body-5e0d'

/** What is told with whose it was. */
const OF_A_USER = [
  'registered',
  'logged in',
  'login refused',
  'rate limited',
  'denied',
  'refreshed',
  'refresh token reused, session ended',
  'password change refused',
  'password changed',
  'logged out',
  'account exported',
  'deletion refused',
  'account deleted',
]

suiteOn(['postgres'], 'what the api writes to its log', () => {
  let database: TestDatabase
  let proxy: FaultProxy
  let app: FastifyInstance
  let written = ''

  beforeAll(async () => {
    database = await testDatabase()
    proxy = await faultProxy(database.url)
    const to = new Writable({
      write: (chunk, _encoding, done) => {
        written += String(chunk)
        keep('operators', chunk)
        done()
      },
    })
    // The product's own logger, at its most talkative.
    app = await startApi(configFor(proxy.url, { ACCOUNT_LOGINS_PER_MINUTE: '3' }), {
      log: createLogger({ name: 'api', level: 'trace', to }),
    })
  })
  afterAll(async () => {
    await app.close()
    await proxy[Symbol.asyncDispose]()
    await database[Symbol.asyncDispose]()
  })

  const lines = (): readonly Record<string, unknown>[] =>
    written
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line))

  test('has who did what, and no secret', async () => {
    const account = credentials({ password: PASSWORD })
    const json = { 'content-type': 'application/json' }
    const { body: session } = await ask(app, 'POST /auth/register', { body: account })
    const { accessToken, refreshToken } = session
    const ada = { id: session.user.id, username: account.username, token: accessToken }
    const bearer = (token: string) => ({ headers: { authorization: `Bearer ${token}` } })
    const tampered = `${accessToken.slice(0, -8)}AAAAAAAA`

    await ask(app, 'POST /auth/register', { body: account })
    await ask(app, 'POST /auth/login', { body: account })
    await ask(app, 'POST /auth/login', { body: { ...account, password: WRONG } })
    for (let i = 0; i < 3; i += 1) await ask(app, 'POST /auth/login', { body: account })
    // Mistakes that carry secrets: JSON that breaks behind one, fields too many, a token in a wrong place.
    await ask(app, 'POST /auth/login', { body: `{"password":"${PASSWORD}" x`, headers: json })
    await ask(app, 'POST /auth/login', { body: { ...account, extra: WRONG } })
    await ask(app, `GET /users/me?token=${accessToken}`)
    await ask(app, 'GET /users/me', bearer(tampered))
    await ask(app, 'GET /users/me', bearer(refreshToken))
    const room = await newRoom(app, ada)
    await ask(app, `POST /rooms/${room}/join`, { as: ada, body: { body: BODY } })
    const { body: renewed } = await ask(app, 'POST /auth/refresh', { body: { refreshToken } })
    await ask(app, 'POST /auth/refresh', { body: { refreshToken: `${refreshToken}x` } })
    await ask(app, 'POST /auth/refresh', { body: { refreshToken: accessToken } })
    await ask(app, `POST /auth/refresh?refreshToken=${refreshToken}`, { body: { token: refreshToken } })
    for (const [current, next] of [
      [WRONG, NEW],
      [PASSWORD, NEW],
      [PASSWORD, WRONG],
      // One more than may be tried in a minute.
      [PASSWORD, WRONG],
    ]) {
      const body = { currentPassword: current, newPassword: next }
      await ask(app, 'POST /users/me/password', { as: ada, body })
    }
    await age(database, app.identify(accessToken).sessionId, 31)
    await ask(app, 'POST /auth/refresh', { body: { refreshToken } })
    await ask(app, 'POST /auth/logout', { body: { refreshToken: renewed.refreshToken } })
    await ask(app, 'POST /auth/logout', { body: { refreshToken: `${refreshToken}x` } })
    await ask(app, 'GET /users/me/export', { as: ada })
    await ask(app, `GET /rooms/${newId()}/messages`, { as: ada })
    await ask(app, 'DELETE /users/me', { as: ada, body: { password: WRONG } })
    // What fails inside is logged with its cause.
    proxy.cut()
    await ask(app, 'POST /auth/login', { body: { ...account, username: 'somebody_else' } })
    await ask(app, 'POST /auth/register', { body: credentials({ password: PASSWORD }) })
    await ask(app, 'GET /users/me', bearer(accessToken))
    await ask(app, 'POST /auth/refresh', { body: { refreshToken } })
    await ask(app, 'POST /auth/logout', { body: { refreshToken } })
    proxy.heal()
    const me = () => ask(app, 'GET /users/me', bearer(accessToken))
    await expect.poll(async () => (await me()).status, { timeout: 20_000 }).toBe(200)
    const hashes = await database.admin.db.selectFrom('chat.users').select('password_hash').execute()
    const deleted = await ask(app, 'DELETE /users/me', { as: ada, body: { password: NEW } })
    expect(deleted.status).toBe(204)

    const signature = (token: string) => token.split('.')[2] ?? expect.fail('no signature')
    const secrets = [
      PASSWORD,
      WRONG,
      NEW,
      BODY,
      refreshToken,
      renewed.refreshToken,
      accessToken,
      renewed.accessToken,
      signature(accessToken).slice(0, 40),
      signature(tampered),
      ...hashes.map(({ password_hash }) => password_hash ?? expect.fail('no hash')),
      // A test's own is a word that may stand anywhere.
      `:${new URL(database.url).password}@`,
      JSON.stringify({ password: new URL(database.url).password }).slice(1, -1),
    ]
    for (const secret of secrets) expect(written).not.toContain(secret)
    const told = lines().map(({ msg }) => msg)
    for (const event of [
      'registered',
      'refreshed',
      'refresh token refused',
      'refresh token reused, session ended',
      'logged out',
      'logout refused',
      'password change refused',
      'password changed',
      'account exported',
      'deletion refused',
      'account deleted',
      'logged in',
      'login refused',
      'rate limited',
      'access token refused',
      'request failed',
      'request',
    ]) {
      expect(told).toContain(event)
    }
    const who = { ip: '127.0.0.1', reqId: expect.stringMatching(/^[0-9a-f-]{36}$/) }
    for (const msg of ['login refused', 'rate limited', 'access token refused', 'refresh token refused'])
      expect(lines().find((line) => line.msg === msg)).toMatchObject(who)
    for (const msg of OF_A_USER) {
      const line = lines().findLast((it) => it.msg === msg && it.userId !== undefined)
      expect([msg, line]).toMatchObject([msg, { ...who, userId: ada.id }])
    }
  })

  test('keeps one line for each event, whatever clients send', async () => {
    const before = lines().length
    await ask(app, 'GET /%0a%7B%22level%22:60%7D?x=%0d%0a', { headers: { authorization: 'Bearer a' } })
    await ask(app, 'POST /auth/login', { body: credentials({ username: 'a\n{"level":60}' }) })
    expect(
      lines()
        .slice(before)
        .every(({ level }) => Number(level) < 60),
    ).toBe(true)
    expect(lines().length).toBeGreaterThan(before)
  })
})
