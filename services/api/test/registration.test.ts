import { newId, sessionSchema } from '@roomlog/protocol'
import { suiteOn } from '@roomlog/testkit'
import type { FastifyInstance } from 'fastify'
import { describe, expect, test } from 'vitest'
import { ask, credentials, expectRefusal, PASSWORD, register, type TestDatabase, withApi } from './support.ts'

const RACERS = 50

suiteOn(['postgres'], 'registering', () => {
  let database: TestDatabase
  let app: FastifyInstance

  withApi((api) => {
    ;({ database, app } = api)
  })

  const storedHash = async (username: string) => {
    const query = database.admin.db.selectFrom('chat.users').select('password_hash')
    return (await query.where('username', '=', username).executeTakeFirst())?.password_hash
  }

  test('makes an account and logs it in', async () => {
    const body = credentials({ displayName: '  Ada 🫶🏽 ' })
    const answer = await ask(app, 'POST /auth/register', { body })
    expect(answer.status).toBe(201)
    expect(sessionSchema.strict().parse(answer.body)).toMatchObject({
      tokenType: 'Bearer',
      expiresIn: 900,
      user: { username: body.username, displayName: 'Ada 🫶🏽' },
    })
    expect(answer.body.user.createdAt).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
    const me = await ask(app, 'GET /users/me', {
      headers: { authorization: `Bearer ${answer.body.accessToken}` },
    })
    expect(me).toMatchObject({ status: 200, body: { user: answer.body.user } })
  })

  test('folds the case of a username, and shows it where no other name was given', async () => {
    const { username } = credentials()
    const { user } = await register(app, { username: username.toUpperCase() })
    expect(user).toMatchObject({ username, displayName: username })
    const again = await ask(app, 'POST /auth/register', { body: credentials({ username }) })
    expectRefusal(again, 409, 'username_taken')
  })

  test('keeps of a password and of a refresh token no more than a hash', async () => {
    const { user, refreshToken } = await register(app)
    expect(await storedHash(user.username)).toMatch(/^\$argon2id\$v=19\$(?=.*m=19456)(?=.*t=2)(?=.*p=1)/)
    const tokens = await database.admin.db
      .selectFrom('chat.refresh_tokens as t')
      .innerJoin('chat.refresh_families as f', 'f.id', 't.family')
      .select(['t.hash', 't.generation'])
      .where('f.user_id', '=', user.id)
      .execute()
    expect(tokens).toEqual([{ hash: expect.any(Buffer), generation: 1 }])
    expect(tokens[0]?.hash.toString('latin1')).not.toContain(refreshToken)
    expect(tokens[0]?.hash).toHaveLength(32)
  })

  test('gives a name to exactly one of those who race for it', async () => {
    const { username } = credentials()
    const answers = await Promise.all(
      Array.from({ length: RACERS }, () =>
        ask(app, 'POST /auth/register', { body: credentials({ username }) }),
      ),
    )
    const [won, lost] = [
      answers.filter(({ status }) => status === 201),
      answers.filter((a) => a.status !== 201),
    ]
    expect(won).toHaveLength(1)
    expect(lost).toHaveLength(RACERS - 1)
    for (const answer of lost) expectRefusal(answer, 409, 'username_taken')
    // Whoever lost left nothing behind.
    const families = await database.admin.db
      .selectFrom('chat.refresh_families as f')
      .innerJoin('chat.users as u', 'u.id', 'f.user_id')
      .select('f.id')
      .where('u.username', '=', username)
      .execute()
    expect(families).toHaveLength(1)
  })

  test.each([
    ['of bytes, not letters', 'éééé'],
    ['with spaces around', '  padded  '],
    ['of 1024 bytes', 'é'.repeat(512)],
  ])('takes a password %s as it is', async (_, password) => {
    const { user } = await register(app, { password })
    const login = (tried: string) =>
      ask(app, 'POST /auth/login', { body: { username: user.username, password: tried } })
    expect((await login(password)).status).toBe(200)
    expectRefusal(await login(`${password} `.slice(0, 1000)), 401, 'invalid_credentials')
  })

  describe('refuses', () => {
    test.each([
      ['no username', { username: undefined }],
      ['a short username', { username: 'ab' }],
      ['a long username', { username: 'a'.repeat(33) }],
      ['a username with a space before it', { username: ' ada' }],
      ['a username with another letter', { username: 'ädä' }],
      // Its lower case is the ASCII letter k.
      [
        'a username with a letter that only folds to a plain one',
        { username: `\u212A${newId().toLowerCase()}` },
      ],
      ['a username that is a number', { username: 12345 }],
      ['no password', { password: undefined }],
      ['a short password', { password: '1234567' }],
      ['a password that many have', { password: 'password123' }],
      ['one of those in another case', { password: 'PassWord123' }],
      ['a password of 1025 bytes', { password: `${'é'.repeat(512)}x` }],
      ['a password with NUL', { password: `${PASSWORD}\0` }],
      ['a password with a lone surrogate', { password: `${PASSWORD}\ud800` }],
      ['an empty display name', { displayName: '   ' }],
      ['a long display name', { displayName: 'x'.repeat(65) }],
      ['a display name with NUL', { displayName: 'a\0b' }],
      ['a display name that is null', { displayName: null }],
      ['an unknown field', { admin: true }],
    ])('%s', async (_, changes) => {
      const answer = await ask(app, 'POST /auth/register', { body: credentials(changes) })
      expectRefusal(answer, 400, 'validation_failed')
      expect(JSON.stringify(answer.body)).not.toContain(PASSWORD)
    })

    test.each([['{"a":1'], ['not json'], ['']])('a body that is %j', async (body) => {
      const headers = { 'content-type': 'application/json' }
      expectRefusal(await ask(app, 'POST /auth/register', { body, headers }), 400, 'invalid_json')
    })

    test.each([['null'], ['[]'], ['"text"'], ['7']])('a body that is %s', async (body) => {
      const headers = { 'content-type': 'application/json' }
      expectRefusal(await ask(app, 'POST /auth/register', { body, headers }), 400, 'validation_failed')
    })

    test.each([['__proto__'], ['constructor']])('a body with the key %s', async (key) => {
      const body = `{"${key}":{"prototype":{"admin":true}},${JSON.stringify(credentials()).slice(1)}`
      const headers = { 'content-type': 'application/json' }
      const answer = await ask(app, 'POST /auth/register', { body, headers })
      expect(answer.status).toBe(400)
      expect({}).not.toHaveProperty('admin')
    })
  })
})
