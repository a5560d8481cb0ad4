import { suiteOn } from '@roomlog/testkit'
import argon2 from 'argon2'
import type { FastifyInstance } from 'fastify'
import { expect, test } from 'vitest'
import {
  ask,
  credentials,
  expectRefusal,
  lockWaiters,
  PASSWORD,
  register,
  type TestDatabase,
  withApi,
} from './support.ts'

/** Cheaper than today's: made by an older build. */
const OLD_PARAMETERS = { type: argon2.argon2id, memoryCost: 8192, timeCost: 2, parallelism: 1 } as const

suiteOn(['postgres'], 'logging in', () => {
  let database: TestDatabase
  let app: FastifyInstance

  withApi((api) => {
    ;({ database, app } = api)
  })

  const login = (username: string, password = PASSWORD) =>
    ask(app, 'POST /auth/login', { body: { username, password } })
  const setHash = (id: string, password_hash: string | null) =>
    database.admin.db.updateTable('chat.users').set({ password_hash }).where('id', '=', id).execute()
  const hashOf = async (id: string) => {
    const query = database.admin.db.selectFrom('chat.users').select('password_hash').where('id', '=', id)
    return (await query.executeTakeFirstOrThrow()).password_hash ?? ''
  }

  test('is counted by what came of it', async () => {
    const logins = async () => {
      const { payload } = await app.inject({ url: '/metrics' })
      return payload.split('\n').filter((line) => line.startsWith('roomlog_api_logins_total'))
    }
    expect(await logins()).toEqual([
      'roomlog_api_logins_total{result="succeeded"} 0',
      'roomlog_api_logins_total{result="refused"} 0',
    ])
    const { user } = await register(app)
    await login(user.username)
    await login(user.username, 'another password')
    await login('nobody_at_all')
    expect(await logins()).toEqual([
      'roomlog_api_logins_total{result="succeeded"} 1',
      'roomlog_api_logins_total{result="refused"} 2',
    ])
  })

  test('gives a session of its own each time', async () => {
    const first = await register(app)
    const second = await login(first.user.username)
    expect(second).toMatchObject({
      status: 200,
      body: { user: first.user, tokenType: 'Bearer', expiresIn: 900 },
    })
    expect(second.body.accessToken).not.toBe(first.accessToken)
    expect(second.body.refreshToken).not.toBe(first.refreshToken)
    const sessions = [first.accessToken, second.body.accessToken].map((t) => app.identify(t).sessionId)
    expect(new Set(sessions).size).toBe(2)
  })

  test('takes a username in any case', async () => {
    const { user } = await register(app)
    expect((await login(user.username.toUpperCase())).body.user).toEqual(user)
  })

  test('answers an unknown account and a wrong password alike', async () => {
    const { user } = await register(app)
    const answers = await Promise.all([
      login(credentials().username),
      login(user.username, `${PASSWORD}!`),
      login('no such name: it could not even be registered'),
      login(user.username, ''),
      login('', ''),
    ])
    const [first] = answers.map(({ body }) => body.error.message)
    for (const answer of answers) {
      expectRefusal(answer, 401, 'invalid_credentials')
      expect(answer.body.error.message).toBe(first)
    }
  })

  test('refuses a deleted account, with its password or without', async () => {
    const { user } = await register(app)
    const deleted = { deleted_at: new Date() }
    await database.admin.db.updateTable('chat.users').set(deleted).where('id', '=', user.id).execute()
    expectRefusal(await login(user.username), 401, 'invalid_credentials')
    await setHash(user.id, null)
    expectRefusal(await login(user.username), 401, 'invalid_credentials')
  })

  test('renews a hash that was made with weaker parameters, once', async () => {
    const { user } = await register(app)
    await setHash(user.id, await argon2.hash(PASSWORD, OLD_PARAMETERS))
    expect((await login(user.username)).status).toBe(200)
    const renewed = await hashOf(user.id)
    expect(renewed).toMatch(/^\$argon2id\$v=19\$(?=.*m=19456)(?=.*t=2)(?=.*p=1)/)
    expect((await login(user.username)).status).toBe(200)
    expect(await hashOf(user.id)).toBe(renewed)
  })

  test('never renews the hash of a password that was changed meanwhile', async () => {
    const { user } = await register(app)
    await setHash(user.id, await argon2.hash(PASSWORD, OLD_PARAMETERS))
    const changed = await argon2.hash('another password')
    const late = await database.admin.db.transaction().execute(async (trx) => {
      await trx.updateTable('chat.users').set({ password_hash: changed }).where('id', '=', user.id).execute()
      const answer = login(user.username)
      await expect.poll(() => lockWaiters(database)).toBe(1)
      return { answer }
    })
    await late.answer
    expect(await hashOf(user.id)).toBe(changed)
  })

  test.each([
    ['no password', { password: undefined }],
    ['a password that is no text', { password: ['x'] }],
    ['an endless password', { password: 'x'.repeat(1025) }],
    ['an endless username', { username: 'x'.repeat(65) }],
    ['NUL', { username: 'ada\0' }],
    ['an unknown field', { remember: true }],
  ])('refuses %s', async (_, changes) => {
    expectRefusal(
      await ask(app, 'POST /auth/login', { body: credentials(changes) }),
      400,
      'validation_failed',
    )
  })
})
