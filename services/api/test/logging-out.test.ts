import { connectLive, type Live } from '@roomlog/live'
import type { Session } from '@roomlog/protocol'
import { type FaultProxy, faultProxy, redis, suiteOn, type TestRedis } from '@roomlog/testkit'
import type { FastifyInstance } from 'fastify'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { ago, familyOf, hearEnds, refresh } from './sessions.ts'
import {
  type Answer,
  ask,
  configFor,
  expectRefusal,
  PASSWORD,
  register,
  silent,
  startApi,
  type TestDatabase,
  testDatabase,
  withApi,
} from './support.ts'

const logout = (app: FastifyInstance, refreshToken: string): Promise<Answer> =>
  ask(app, 'POST /auth/logout', { body: { refreshToken } })

suiteOn(['postgres'], 'logging out', () => {
  let database: TestDatabase
  let app: FastifyInstance
  let live: Live
  let session: Session
  let sessionId: string

  withApi((api) => {
    ;({ database, app } = api)
    live = connectLive({ engine: 'embedded', namespace: '', database: database.admin }, silent)
  })
  afterAll(() => live.close())
  beforeEach(async () => {
    session = await register(app)
    sessionId = app.identify(session.accessToken).sessionId
  })

  function expectDone({ status, body, headers }: Answer): void {
    expect({ status, body }).toEqual({ status: 204, body: '' })
    expect(headers['content-type']).toBeUndefined()
  }

  test('ends the session, and has its sockets closed', async () => {
    const ends = await hearEnds(live, session.user.id)
    expectDone(await logout(app, session.refreshToken))
    expectRefusal(await refresh(app, session.refreshToken), 401, 'unauthenticated')
    await expect.poll(ends).toEqual([{ sessionId, deleted: false }])
  })

  test('again is as good, and says it again to edges', async () => {
    const ends = await hearEnds(live, session.user.id)
    expectDone(await logout(app, session.refreshToken))
    const { revoked_at } = await familyOf(database, sessionId)
    expectDone(await logout(app, session.refreshToken))
    expect((await familyOf(database, sessionId)).revoked_at).toEqual(revoked_at)
    await expect.poll(ends).toHaveLength(2)
  })

  test('takes any token of the session, however old', async () => {
    const newest = (await refresh(app, session.refreshToken)).body.refreshToken
    expectDone(await logout(app, session.refreshToken))
    expectRefusal(await refresh(app, newest), 401, 'unauthenticated')
    expectDone(await logout(app, newest))
  })

  test('of a session whose life is over is done', async () => {
    await database.admin.db
      .updateTable('chat.refresh_families')
      .set({ expires_at: ago(1) })
      .where('id', '=', sessionId)
      .execute()
    expectDone(await logout(app, session.refreshToken))
  })

  test('ends no other session', async () => {
    const body = { username: session.user.username, password: PASSWORD }
    const other = (await ask(app, 'POST /auth/login', { body })).body
    expectDone(await logout(app, session.refreshToken))
    expect((await refresh(app, other.refreshToken)).status).toBe(200)
  })

  test('beside refreshes leaves no token that works', async () => {
    const [out, ...answers] = await Promise.all([
      logout(app, session.refreshToken),
      ...Array.from({ length: 9 }, () => refresh(app, session.refreshToken)),
    ])
    expectDone(out)
    const given = answers.filter(({ status }) => status === 200).map(({ body }) => body.refreshToken)
    for (const token of [session.refreshToken, ...given]) {
      expectRefusal(await refresh(app, token), 401, 'unauthenticated')
    }
  })

  test('leaves the access token what it is until it ends', async () => {
    expectDone(await logout(app, session.refreshToken))
    const headers = { authorization: `Bearer ${session.accessToken}` }
    expect((await ask(app, 'GET /users/me', { headers })).status).toBe(200)
  })

  test.each([['x'.repeat(43)], ['']])('is refused with a token that was never issued (%j)', async (token) => {
    expectRefusal(await logout(app, token), 401, 'unauthenticated')
  })

  test.each([
    ['nothing', {}],
    ['a number', { refreshToken: 7 }],
    ['an endless token', { refreshToken: 'x'.repeat(257) }],
    ['an unknown field', { refreshToken: 'x', everywhere: true }],
  ])('is refused with a body of %s', async (_, body) => {
    expectRefusal(await ask(app, 'POST /auth/logout', { body }), 400, 'validation_failed')
  })
})

suiteOn(['postgres', 'redis'], 'logging out on the full engine', () => {
  let database: TestDatabase
  let server: TestRedis
  let proxy: FaultProxy
  let app: FastifyInstance
  let live: Live

  beforeAll(async () => {
    database = await testDatabase()
    server = await redis()
    proxy = await faultProxy(server.url)
    const { url, namespace } = server
    app = await startApi(
      configFor(database.url, { ENGINE: 'full', NAMESPACE: namespace, REDIS_URL: proxy.url }),
    )
    live = connectLive({ engine: 'full', namespace, redisUrl: url }, silent)
  })
  afterAll(async () => {
    await live.close()
    await app.close()
    await proxy[Symbol.asyncDispose]()
    await server[Symbol.asyncDispose]()
    await database[Symbol.asyncDispose]()
  })

  test('has the session’s sockets closed', async () => {
    const session = await register(app)
    const { sessionId } = app.identify(session.accessToken)
    const ends = await hearEnds(live, session.user.id)
    await expect
      .poll(async () => {
        // The first commands of a connection that is still being made are lost.
        expect((await logout(app, session.refreshToken)).status).toBe(204)
        return ends()
      })
      .toContainEqual({ sessionId, deleted: false })
  })

  test('is done also while edges cannot be told', async () => {
    const session = await register(app)
    proxy.freeze()
    expect((await logout(app, session.refreshToken)).status).toBe(204)
    proxy.heal()
    expectRefusal(await refresh(app, session.refreshToken), 401, 'unauthenticated')
  })
})
