import { connectLive, type Live } from '@roomlog/live'
import type { Session } from '@roomlog/protocol'
import { suiteOn } from '@roomlog/testkit'
import argon2 from 'argon2'
import type { FastifyInstance } from 'fastify'
import { sql } from 'kysely'
import { afterAll, beforeEach, expect, test } from 'vitest'
import { age, ago, hearEnds, refresh } from './sessions.ts'
import {
  type Answer,
  ask,
  expectRefusal,
  lockWaiters,
  newPerson,
  PASSWORD,
  type Person,
  register,
  silent,
  type TestDatabase,
  withApi,
} from './support.ts'

const NEW = 'another horse entirely'

suiteOn(['postgres'], 'changing the password', () => {
  let database: TestDatabase
  let app: FastifyInstance
  let live: Live
  let session: Session
  let ada: Person

  withApi((api) => {
    ;({ database, app } = api)
    live = connectLive({ engine: 'embedded', namespace: '', database: database.admin }, silent)
  })
  afterAll(() => live.close())
  beforeEach(async () => {
    session = await register(app)
    ada = { ...session.user, token: session.accessToken }
  })

  const change = (changes: object = {}, as = ada): Promise<Answer> =>
    ask(app, 'POST /users/me/password', {
      as,
      body: { currentPassword: PASSWORD, newPassword: NEW, ...changes },
    })
  const login = (password: string) =>
    ask(app, 'POST /auth/login', { body: { username: ada.username, password } })
  const sessionOf = (token: string) => app.identify(token).sessionId

  test('lets in with the new one, and no more with the old one', async () => {
    const answer = await change()
    expect({ status: answer.status, body: answer.body }).toEqual({ status: 204, body: '' })
    expectRefusal(await login(PASSWORD), 401, 'invalid_credentials')
    expect((await login(NEW)).body.user).toEqual(session.user)
  })

  test('ends every other session and its sockets, and not one’s own', async () => {
    const ends = await hearEnds(live, ada.id)
    const [second, third, old] = [await login(PASSWORD), await login(PASSWORD), await login(PASSWORD)]
    // Too long ago for a socket to be open on it.
    await age(database, sessionOf(old.body.accessToken), 1001)
    const bystander = await register(app)
    expect((await change()).status).toBe(204)
    for (const { body } of [second, third, old]) {
      expectRefusal(await refresh(app, body.refreshToken), 401, 'unauthenticated')
    }
    expect((await refresh(app, session.refreshToken)).status).toBe(200)
    expect((await refresh(app, bystander.refreshToken)).status).toBe(200)
    await expect.poll(ends).toHaveLength(2)
    const ended = [second, third].map(({ body }) => ({
      sessionId: sessionOf(body.accessToken),
      deleted: false,
    }))
    expect(ends()).toEqual(expect.arrayContaining(ended))
  })

  test('says nothing of sessions that had ended before', async () => {
    const ends = await hearEnds(live, ada.id)
    const [before, other] = [await login(PASSWORD), await login(PASSWORD)]
    await ask(app, 'POST /auth/logout', { body: { refreshToken: before.body.refreshToken } })
    await change()
    await expect
      .poll(ends)
      .toEqual(
        [before, other].map(({ body }) => ({ sessionId: sessionOf(body.accessToken), deleted: false })),
      )
  })

  test('can be to the same one', async () => {
    expect((await change({ newPassword: PASSWORD })).status).toBe(204)
    expect((await login(PASSWORD)).status).toBe(200)
  })

  test('is refused without the current one, and changes nothing', async () => {
    for (const currentPassword of ['', `${PASSWORD} `, NEW]) {
      expectRefusal(await change({ currentPassword }), 401, 'invalid_credentials')
    }
    expect((await login(PASSWORD)).status).toBe(200)
    expect((await refresh(app, session.refreshToken)).status).toBe(200)
  })

  test('is refused where there is no password', async () => {
    expectRefusal(await change({}, await newPerson(app, database)), 401, 'invalid_credentials')
  })

  test('is refused without an account', async () => {
    await database.admin.db
      .updateTable('chat.users')
      .set({ deleted_at: ago(1) })
      .where('id', '=', ada.id)
      .execute()
    expectRefusal(await change(), 401, 'unauthenticated')
  })

  test.each([
    ['no current one', { currentPassword: undefined }],
    ['an endless current one', { currentPassword: 'x'.repeat(1025) }],
    ['no new one', { newPassword: undefined }],
    ['a new one too short', { newPassword: '1234567' }],
    ['a new one too long', { newPassword: 'é'.repeat(513) }],
    ['a new one that many have', { newPassword: 'Password1' }],
    ['NUL', { newPassword: 'passw\0ord' }],
    ['an unknown field', { keepSessions: true }],
  ])('is refused with %s', async (_, changes) => {
    expectRefusal(await change(changes), 400, 'validation_failed')
  })

  test('twice at once happens once', async () => {
    const answers = await Promise.all([change(), change({ newPassword: `${NEW}!` })])
    expect(answers.map(({ status }) => status).toSorted()).toEqual([204, 401])
    const passwords = await Promise.all([login(NEW), login(`${NEW}!`), login(PASSWORD)])
    expect(passwords.filter(({ status }) => status === 200)).toHaveLength(1)
    expect(passwords[2]?.status).toBe(401)
  })

  test('lets nobody in who had begun to log in with the old one', async () => {
    const { late, changed } = await database.admin.db.transaction().execute(async (trx) => {
      await sql`SELECT 1 FROM chat.users WHERE id = ${ada.id} FOR NO KEY UPDATE`.execute(trx)
      const changed = change()
      await expect.poll(() => lockWaiters(database)).toBe(1)
      const late = login(PASSWORD)
      await expect.poll(() => lockWaiters(database)).toBe(2)
      return { late, changed }
    })
    expect((await changed).status).toBe(204)
    expectRefusal(await late, 401, 'invalid_credentials')
  })

  test('is not mistaken for a hash that another login renewed', async () => {
    const renewed = await argon2.hash(PASSWORD)
    const { late } = await database.admin.db.transaction().execute(async (trx) => {
      await trx.updateTable('chat.users').set({ password_hash: renewed }).where('id', '=', ada.id).execute()
      const late = login(PASSWORD)
      await expect.poll(() => lockWaiters(database)).toBe(1)
      return { late }
    })
    expect((await late).status).toBe(200)
  })
})
