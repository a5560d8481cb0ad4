import { suiteOn } from '@roomlog/testkit'
import type { FastifyInstance } from 'fastify'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import {
  type Answer,
  ask,
  configFor,
  credentials,
  expectRefusal,
  newPerson,
  type Person,
  register,
  startApi,
  type TestDatabase,
  testDatabase,
} from './support.ts'

suiteOn(['postgres'], 'limits of a minute', () => {
  let database: TestDatabase
  let app: FastifyInstance

  beforeAll(async () => {
    database = await testDatabase()
  })
  afterEach(() => app.close())
  afterAll(() => database[Symbol.asyncDispose]())

  /** What was counted is forgotten with each start. */
  const start = async (env: Readonly<Record<string, string>>) => {
    app = await startApi(configFor(database.url, env))
  }
  const login = (username: string, from: object = {}) =>
    ask(app, 'POST /auth/login', { body: { username, password: 'wrong password' }, ...from })
  const registering = (from: object = {}) => ask(app, 'POST /auth/register', { body: credentials(), ...from })

  function expectLimited(answer: Answer): void {
    expectRefusal(answer, 429, 'rate_limited')
    const seconds = Number(answer.headers['retry-after'])
    expect(seconds).toBeGreaterThanOrEqual(1)
    expect(seconds).toBeLessThanOrEqual(60)
  }

  test('hold for the registrations of one address', async () => {
    await start({ REGISTRATIONS_PER_MINUTE: '2' })
    for (let i = 0; i < 2; i += 1) expect((await registering()).status).toBe(201)
    expectLimited(await registering())
    expect((await registering({ remoteAddress: '10.0.0.1' })).status).toBe(201)
    // Logging in is counted apart.
    expectRefusal(await login('nobody'), 401, 'invalid_credentials')
  })

  test('hold for the logins of one address, over all accounts', async () => {
    await start({ LOGINS_PER_MINUTE: '3' })
    const { user } = await register(app)
    for (const name of [user.username, 'a_a', 'b_b'])
      expectRefusal(await login(name), 401, 'invalid_credentials')
    expectLimited(await login('c_c'))
    expectRefusal(await login('c_c', { remoteAddress: '10.0.0.1' }), 401, 'invalid_credentials')
  })

  test('hold for the logins of one account, known or not, in any case', async () => {
    await start({ ACCOUNT_LOGINS_PER_MINUTE: '2' })
    const { user } = await register(app)
    for (const name of [user.username, 'nobody_there']) {
      expectRefusal(await login(name), 401, 'invalid_credentials')
      expectRefusal(await login(name.toUpperCase()), 401, 'invalid_credentials')
      expectLimited(await login(name))
    }
    expectRefusal(await login('somebody_else'), 401, 'invalid_credentials')
  })

  test('lock nobody out of an account that others guess at', async () => {
    await start({ ACCOUNT_LOGINS_PER_MINUTE: '1' })
    const account = credentials()
    await register(app, account)
    await login(account.username, { remoteAddress: '10.0.0.1' })
    expectLimited(await login(account.username, { remoteAddress: '10.0.0.1' }))
    const mine = await ask(app, 'POST /auth/login', { body: account, remoteAddress: '10.0.0.2' })
    expect(mine.status).toBe(200)
  })

  test.each([
    ['POST /users/me/password', { currentPassword: 'wrong password', newPassword: 'another password' }],
    ['DELETE /users/me', { password: 'wrong password' }],
  ])('hold for guesses at %s, of one account and of one address', async (call, body) => {
    await start({ LOGINS_PER_MINUTE: '3', ACCOUNT_LOGINS_PER_MINUTE: '2' })
    const guess = (as: Person, from: object = {}) => ask(app, call, { as, body, ...from })
    const [ada, bob] = [await newPerson(app, database), await newPerson(app, database)]
    for (let i = 0; i < 2; i += 1) expectRefusal(await guess(ada), 401, 'invalid_credentials')
    expectLimited(await guess(ada))
    expectRefusal(await guess(ada, { remoteAddress: '10.0.0.1' }), 401, 'invalid_credentials')
    expectRefusal(await guess(bob), 401, 'invalid_credentials')
    expectLimited(await guess(bob))
    // Who is nobody is not counted.
    expectRefusal(await ask(app, call, { body }), 401, 'unauthenticated')
  })

  test('take a network of IPv6 for one address', async () => {
    await start({ REGISTRATIONS_PER_MINUTE: '1', ACCOUNT_LOGINS_PER_MINUTE: '1' })
    const from = (remoteAddress: string) => ({ remoteAddress })
    expect((await registering(from('2001:db8:1:1::1'))).status).toBe(201)
    expectLimited(await registering(from('2001:db8:1:1:ffff::2')))
    expect((await registering(from('2001:db8:1:2::1'))).status).toBe(201)
    expectRefusal(await login('some_name', from('2001:db8:1:1::1')), 401, 'invalid_credentials')
    expectLimited(await login('some_name', from('2001:db8:1:1::2')))
  })

  test('believe no X-Forwarded-For', async () => {
    await start({ REGISTRATIONS_PER_MINUTE: '1' })
    const from = (address: string) => ({ headers: { 'x-forwarded-for': address } })
    expect((await registering(from('10.0.0.1'))).status).toBe(201)
    expectLimited(await registering(from('10.0.0.2')))
  })

  test('believe the X-Forwarded-For of a proxy that the settings name', async () => {
    await start({ REGISTRATIONS_PER_MINUTE: '1', TRUST_PROXY: '127.0.0.1' })
    const from = (address: string) => ({ headers: { 'x-forwarded-for': address } })
    expect((await registering(from('10.0.0.1'))).status).toBe(201)
    expect((await registering(from('10.0.0.2'))).status).toBe(201)
    expectLimited(await registering(from('10.0.0.1')))
    // What stands before the proxy's own entry is the client's word.
    expectLimited(await registering(from('10.9.9.9, 10.0.0.2')))
    expect((await registering({ ...from('10.0.0.3'), remoteAddress: '10.0.0.9' })).status).toBe(201)
    expectLimited(await registering({ ...from('10.0.0.4'), remoteAddress: '10.0.0.9' }))
  })

  test('cost nothing to who sends what is no registration', async () => {
    await start({ REGISTRATIONS_PER_MINUTE: '1' })
    for (let i = 0; i < 3; i += 1) {
      const answer = await ask(app, 'POST /auth/register', { body: credentials({ password: 'short' }) })
      expectRefusal(answer, 400, 'validation_failed')
    }
    expect((await registering()).status).toBe(201)
  })

  test('do not touch other routes', async () => {
    await start({ REGISTRATIONS_PER_MINUTE: '1', LOGINS_PER_MINUTE: '1', ACCOUNT_LOGINS_PER_MINUTE: '1' })
    const statuses = await Promise.all(
      Array.from({ length: 100 }, async () => (await ask(app, 'GET /config')).status),
    )
    expect(new Set(statuses)).toEqual(new Set([200]))
  })
})
