import { newId } from '@roomlog/protocol'
import { type FaultProxy, faultProxy, suiteOn } from '@roomlog/testkit'
import type { FastifyInstance } from 'fastify'
import { sql } from 'kysely'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import {
  type Answer,
  ask,
  configFor,
  credentials,
  expectRefusal,
  lockWaiters,
  newPerson,
  newRoom,
  PASSWORD,
  type Person,
  startApi,
  type TestDatabase,
  testDatabase,
} from './support.ts'

/** What requests may take while the database hangs (GUARANTEES F13). */
const BOUND_MS = 5500

suiteOn(['postgres'], 'the api and a database in trouble', () => {
  let database: TestDatabase
  let proxy: FaultProxy
  let app: FastifyInstance
  let ada: Person
  let room: string

  beforeAll(async () => {
    database = await testDatabase()
    proxy = await faultProxy(database.url)
    app = await startApi(configFor(proxy.url))
    ada = await newPerson(app, database)
    room = await newRoom(app, ada)
  })
  afterEach(async () => {
    proxy.heal()
    await expect
      .poll(async () => (await ask(app, 'GET /rooms', { as: ada })).status, { timeout: 20_000 })
      .toBe(200)
  })
  afterAll(async () => {
    await app.close()
    await proxy[Symbol.asyncDispose]()
    await database[Symbol.asyncDispose]()
  })

  const calls = (): Readonly<Record<string, () => Promise<Answer>>> => ({
    register: () => ask(app, 'POST /auth/register', { body: credentials() }),
    login: () => ask(app, 'POST /auth/login', { body: { username: ada.username, password: PASSWORD } }),
    refresh: () => ask(app, 'POST /auth/refresh', { body: { refreshToken: 'x' } }),
    'log out': () => ask(app, 'POST /auth/logout', { body: { refreshToken: 'x' } }),
    'who am I': () => ask(app, 'GET /users/me', { as: ada }),
    'change my name': () => ask(app, 'PATCH /users/me', { as: ada, body: { displayName: 'Ada' } }),
    'delete me': () => ask(app, 'DELETE /users/me', { as: ada, body: { password: PASSWORD } }),
    'export what is mine': () => ask(app, 'GET /users/me/export', { as: ada }),
    'change my password': () =>
      ask(app, 'POST /users/me/password', {
        as: ada,
        body: { currentPassword: PASSWORD, newPassword: PASSWORD },
      }),
    'look up users': () => ask(app, `GET /users?ids=${ada.id}`, { as: ada }),
    'make a room': () => ask(app, 'POST /rooms', { as: ada, body: { name: 'room' } }),
    'list rooms': () => ask(app, 'GET /rooms', { as: ada }),
    'show a room': () => ask(app, `GET /rooms/${room}`, { as: ada }),
    'join a room': () => ask(app, `POST /rooms/${room}/join`, { as: ada }),
    'list public rooms': () => ask(app, 'GET /rooms/public?search=x', { as: ada }),
    'rename a room': () => ask(app, `PATCH /rooms/${room}`, { as: ada, body: { name: 'room' } }),
    'list members': () => ask(app, `GET /rooms/${room}/members`, { as: ada }),
    'add a member': () =>
      ask(app, `POST /rooms/${room}/members`, { as: ada, body: { username: ada.username } }),
    'change a role': () =>
      ask(app, `PATCH /rooms/${room}/members/${ada.id}`, { as: ada, body: { role: 'owner' } }),
    leave: () => ask(app, `DELETE /rooms/${room}/members/me`, { as: ada }),
    'move a read position': () =>
      ask(app, `POST /rooms/${room}/read`, { as: ada, body: { lastReadMessageId: room } }),
    'read history': () => ask(app, `GET /rooms/${room}/messages`, { as: ada }),
  })

  function expectUnavailable(answer: Answer): void {
    expectRefusal(answer, 503, 'unavailable')
    expect(Number(answer.headers['retry-after'])).toBeGreaterThanOrEqual(1)
    // Nothing of what failed inside.
    expect(answer.body.error.message).toBe('try again soon')
    expect(Object.keys(answer.body.error)).toEqual(['code', 'message', 'requestId'])
  }

  test.each(['cut', 'freeze', 'mute'] as const)('every route says so in bounded time (%s)', async (fault) => {
    proxy[fault]()
    const bound = AbortSignal.timeout(BOUND_MS)
    const answers = await Promise.all(Object.values(calls()).map((call) => call()))
    expect(bound.aborted).toBe(false)
    for (const answer of answers) expectUnavailable(answer)
  })

  test('connections whose answers were lost are replaced', async () => {
    proxy.mute()
    expectUnavailable(await ask(app, 'GET /rooms', { as: ada }))
    proxy.heal()
    // Whatever the pool still holds of then is used, all at once, and once more.
    for (let round = 0; round < 2; round += 1) {
      await expect
        .poll(async () => (await ask(app, 'GET /rooms', { as: ada })).status, { timeout: 20_000 })
        .toBe(200)
      const answers = Array.from({ length: 10 }, () => ask(app, 'GET /rooms', { as: ada }))
      expect((await Promise.all(answers)).map(({ status }) => status)).toEqual(Array(10).fill(200))
    }
  })

  test('what needs no database goes on', async () => {
    proxy.cut()
    expect((await ask(app, 'GET /config')).status).toBe(200)
    expect((await ask(app, 'GET /openapi.json')).status).toBe(200)
    expectRefusal(await ask(app, 'GET /rooms'), 401, 'unauthenticated')
    expectRefusal(await ask(app, 'POST /auth/login', { body: {} }), 400, 'validation_failed')
  })

  test('a connection lost inside a transaction leaves nothing half done', async () => {
    const bob = await newPerson(app, database)
    const left = await database.admin.db.transaction().execute(async (trx) => {
      await sql`SELECT 1 FROM chat.rooms WHERE id = ${room} FOR UPDATE`.execute(trx)
      const answer = ask(app, `POST /rooms/${room}/join`, { as: bob })
      await expect.poll(() => lockWaiters(database)).toBe(1)
      proxy.cut()
      return { answer }
    })
    expectUnavailable(await left.answer)
    proxy.heal()
    const again = () => ask(app, `POST /rooms/${room}/join`, { as: bob })
    await expect.poll(async () => (await again()).status).toBe(200)
    expect((await again()).body.room.memberCount).toBe(2)
  })

  test('a session that the server ends is replaced', async () => {
    await ask(app, 'GET /rooms', { as: ada })
    await sql`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
      WHERE application_name = 'roomlog-api' AND datname = current_database()`.execute(database.admin.db)
    await expect.poll(async () => (await ask(app, 'GET /rooms', { as: ada })).status).toBe(200)
  })

  test('a lock that is held too long is waited for in bounded time', async () => {
    const bob = await newPerson(app, database)
    await database.admin.db.transaction().execute(async (trx) => {
      await sql`SELECT 1 FROM chat.rooms WHERE id = ${room} FOR UPDATE`.execute(trx)
      const bound = AbortSignal.timeout(BOUND_MS)
      expectUnavailable(await ask(app, `POST /rooms/${room}/join`, { as: bob }))
      expect(bound.aborted).toBe(false)
    })
  })

  test('a stop is not held up by what was lost before', async () => {
    const other = await startApi(configFor(proxy.url))
    for (const fault of ['mute', 'cut'] as const) {
      proxy[fault]()
      await ask(other, 'GET /rooms', { as: ada })
    }
    proxy.heal()
    await expect
      .poll(async () => (await ask(other, 'GET /rooms', { as: ada })).status, { timeout: 20_000 })
      .toBe(200)
    await other.close()
  })

  test('a database of another build is our fault, told without its words', async () => {
    await sql`ALTER TABLE chat.rooms RENAME COLUMN name TO elsewhere`.execute(database.admin.db)
    try {
      const answer = await ask(app, `GET /rooms/${room}`, { as: ada })
      expectRefusal(answer, 500, 'internal')
      expect(Object.keys(answer.body.error)).toEqual(['code', 'message', 'requestId'])
      expect(JSON.stringify(answer.body)).not.toMatch(/column|rooms|sql|42703/i)
      expect(answer.headers['retry-after']).toBeUndefined()
    } finally {
      await sql`ALTER TABLE chat.rooms RENAME COLUMN elsewhere TO name`.execute(database.admin.db)
    }
  })

  test('an unknown id under a lost head is a room without a message, not an error', async () => {
    // A head whose row a restore lost: the list of rooms must not fail for one of them.
    const broken = await newRoom(app, ada)
    const head = { last_seq: 7, last_message_id: newId() }
    await database.admin.db.updateTable('chat.rooms').set(head).where('id', '=', broken).execute()
    const { status, body } = await ask(app, `GET /rooms/${broken}`, { as: ada })
    expect({ status, body }).toMatchObject({ status: 200, body: { room: { lastSeq: 7, lastMessage: null } } })
  })
})
