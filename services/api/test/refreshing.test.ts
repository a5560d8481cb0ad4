import { connectLive, type Live } from '@roomlog/live'
import type { Session } from '@roomlog/protocol'
import { PASSWORD, suiteOn } from '@roomlog/testkit'
import type { FastifyInstance } from 'fastify'
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { age, ago, familyOf, hearEnds, refresh } from './sessions.ts'
import { type Answer, ask, expectRefusal, register, silent, type TestDatabase, withApi } from './support.ts'

const RACERS = 50
const TTL_S = 3600

suiteOn(['postgres'], 'refreshing', () => {
  let database: TestDatabase
  let app: FastifyInstance
  let live: Live
  let session: Session
  let sessionId: string

  withApi(
    (api) => {
      ;({ database, app } = api)
      live = connectLive({ engine: 'embedded', namespace: '', database: database.admin }, silent)
    },
    { REFRESH_TOKEN_TTL: String(TTL_S) },
  )
  afterAll(() => live.close())
  beforeEach(async () => {
    session = await register(app)
    sessionId = app.identify(session.accessToken).sessionId
  })

  const next = async (token: string): Promise<string> => {
    const { status, body } = await refresh(app, token)
    expect(status).toBe(200)
    return body.refreshToken
  }
  const generation = async () => (await familyOf(database, sessionId)).generation
  const change = (changes: object) =>
    database.admin.db.updateTable('chat.refresh_families').set(changes).where('id', '=', sessionId).execute()

  function expectRefused(answer: Answer): void {
    expectRefusal(answer, 401, 'unauthenticated')
    expect(answer.body.error.message).toBe('a valid refresh token is needed')
  }

  test('gives new tokens of the same session', async () => {
    const { status, body } = await refresh(app, session.refreshToken)
    expect({ status, body }).toEqual({
      status: 200,
      body: {
        accessToken: expect.any(String),
        tokenType: 'Bearer',
        expiresIn: 900,
        refreshToken: expect.stringMatching(/^rlr_[\w-]{43}$/),
        user: session.user,
      },
    })
    expect(body.refreshToken).not.toBe(session.refreshToken)
    expect(body.accessToken).not.toBe(session.accessToken)
    expect(app.identify(body.accessToken)).toMatchObject({ userId: session.user.id, sessionId })
    const me = await ask(app, 'GET /users/me', { headers: { authorization: `Bearer ${body.accessToken}` } })
    expect(me.status).toBe(200)
  })

  test('goes on from token to token', async () => {
    let token = session.refreshToken
    for (let i = 0; i < 5; i += 1) token = await next(token)
    expect(await generation()).toBe(6)
  })

  test('by tabs that race makes one step, and every token it gives works', async () => {
    const answers = await Promise.all(
      Array.from({ length: RACERS }, () => refresh(app, session.refreshToken)),
    )
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200))
    expect(await generation()).toBe(2)
    const tokens = answers.map(({ body }) => body.refreshToken)
    expect(new Set(tokens).size).toBe(RACERS)
    const again = await Promise.all(tokens.map((token) => refresh(app, token)))
    expect(again.map(({ status }) => status)).toEqual(again.map(() => 200))
    expect(await generation()).toBe(3)
  })

  test('gives the generation before 30 s from the newest one’s first token, no more', async () => {
    const newest = await next(session.refreshToken)
    await age(database, sessionId, 29)
    const further = await next(session.refreshToken)
    // The further token did not begin them anew.
    await age(database, sessionId, 31)
    expectRefused(await refresh(app, session.refreshToken))
    for (const token of [newest, further]) expectRefused(await refresh(app, token))
  })

  test('gives a token that was not lost, whenever it comes', async () => {
    await age(database, sessionId, TTL_S / 2)
    expect((await refresh(app, session.refreshToken)).status).toBe(200)
  })

  test('with a token that was replaced long ago ends the session, and says so to edges, once', async () => {
    const ends = await hearEnds(live, session.user.id)
    const newest = await next(session.refreshToken)
    await age(database, sessionId, 31)
    const thieves = await Promise.all(Array.from({ length: 5 }, () => refresh(app, session.refreshToken)))
    for (const answer of thieves) expectRefused(answer)
    expectRefused(await refresh(app, newest))
    expect((await familyOf(database, sessionId)).revoked_at).not.toBeNull()
    await expect.poll(ends).toEqual([{ sessionId, deleted: false }])
  })

  test('with a token of an older generation ends the session, even at once', async () => {
    const newest = await next(await next(session.refreshToken))
    expectRefused(await refresh(app, session.refreshToken))
    expectRefused(await refresh(app, newest))
  })

  test('ends no other session of the user', async () => {
    const { username } = session.user
    const body = { username, password: PASSWORD }
    const other = (await ask(app, 'POST /auth/login', { body })).body
    await next(session.refreshToken)
    await age(database, sessionId, 31)
    expectRefused(await refresh(app, session.refreshToken))
    expect((await refresh(app, other.refreshToken)).status).toBe(200)
  })

  test('counts a session’s life from its last use', async () => {
    const lifeS = async () => {
      const { expires_at } = await familyOf(database, sessionId)
      return Math.round((expires_at.getTime() - Date.now()) / 60_000) * 60
    }
    expect(await lifeS()).toBe(TTL_S)
    const soon = { expires_at: new Date(Date.now() + 60_000) }
    await change(soon)
    await next(session.refreshToken)
    expect(await lifeS()).toBe(TTL_S)
    await change(soon)
    // By the generation before, which is a use too.
    await next(session.refreshToken)
    expect(await lifeS()).toBe(TTL_S)
  })

  describe('is refused', () => {
    test('when the session’s life is over, which is no theft', async () => {
      await next(session.refreshToken)
      await change({ expires_at: ago(1), generation_at: ago(60) })
      expectRefused(await refresh(app, session.refreshToken))
      expect((await familyOf(database, sessionId)).revoked_at).toBeNull()
    })

    test('when the session was ended', async () => {
      await change({ revoked_at: ago(1) })
      expectRefused(await refresh(app, session.refreshToken))
    })

    test('when the account was deleted', async () => {
      await database.admin.db
        .updateTable('chat.users')
        .set({ deleted_at: ago(1) })
        .where('id', '=', session.user.id)
        .execute()
      expectRefused(await refresh(app, session.refreshToken))
    })

    test.each([
      ['that was never issued', 'x'.repeat(43)],
      ['that is empty', ''],
      ['that is no token', 'ada\0\ud800'],
    ])('with one %s', async (_, token) => {
      expectRefused(await refresh(app, token))
    })

    test('with an access token, or a token that is part of one', async () => {
      expectRefusal(await refresh(app, session.accessToken), 400, 'validation_failed')
      expectRefused(await refresh(app, session.refreshToken.slice(1)))
      expectRefused(await refresh(app, `${session.refreshToken} `))
    })

    test.each([
      ['nothing', {}],
      ['a number', { refreshToken: 7 }],
      ['null', { refreshToken: null }],
      ['an endless token', { refreshToken: 'x'.repeat(257) }],
      ['an unknown field', { refreshToken: 'x', all: true }],
    ])('with a body of %s', async (_, body) => {
      expectRefusal(await ask(app, 'POST /auth/refresh', { body }), 400, 'validation_failed')
    })
  })

  test('keeps no token, only what tells it', async () => {
    const newest = await next(session.refreshToken)
    const rows = await database.admin.db
      .selectFrom('chat.refresh_tokens')
      .selectAll()
      .where('family', '=', sessionId)
      .execute()
    expect(rows.map(({ generation }) => generation).toSorted()).toEqual([1, 2])
    for (const { hash } of rows) {
      expect(hash).toHaveLength(32)
      for (const token of [session.refreshToken, newest]) {
        expect(hash.equals(Buffer.from(token, 'base64url'))).toBe(false)
      }
    }
  })
})
