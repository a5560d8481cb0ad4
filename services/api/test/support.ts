import { createHash, generateKeyPairSync } from 'node:crypto'
import { connect, type Database, migrate, ROLES } from '@roomlog/db'
import { type ErrorCode, newId, type Session, type Visibility } from '@roomlog/protocol'
import { keep, PASSWORD, postgres, suiteLog } from '@roomlog/testkit'
import type { FastifyInstance, InjectOptions } from 'fastify'
import { sql } from 'kysely'
import { pino } from 'pino'
import { beforeAll, expect } from 'vitest'
import { buildApp, type Overrides } from '../src/app.ts'
import { type Config, parseConfig } from '../src/config.ts'

export const silent = pino({ level: 'silent' })
export { PASSWORD }

export interface TestDatabase extends AsyncDisposable {
  readonly url: string
  /** May do anything. */
  readonly admin: Database
}

export async function testDatabase(): Promise<TestDatabase> {
  const server = await postgres()
  await migrate(server.url)
  const admin = connect({ url: server.url, applicationName: 'api-test-admin' })
  return {
    url: server.url,
    admin,
    [Symbol.asyncDispose]: async () => {
      await admin.close()
      await server[Symbol.asyncDispose]()
    },
  }
}

/** A key pair as the settings want it. */
export function newKeys() {
  const { privateKey } = generateKeyPairSync('ed25519')
  const { crv, d, kty, x } = privateKey.export({ format: 'jwk' })
  const kid = createHash('sha256').update(JSON.stringify({ crv, kty, x })).digest('base64url')
  const jwk = { kty, crv, x, kid }
  return {
    privateKey,
    jwk,
    env: { JWT_PRIVATE_KEY: JSON.stringify({ ...jwk, d }), JWT_PUBLIC_KEYS: JSON.stringify([jwk]) },
  }
}

export const KEYS = newKeys()

/** Settings of an api that works as its own role, and that limits nobody. */
export function configFor(url: string, env: Readonly<Record<string, string>> = {}): Config {
  return parseConfig({
    ...KEYS.env,
    DATABASE_URL: url,
    DATABASE_ROLE: ROLES.api,
    PORT: '0',
    LOG_LEVEL: 'silent',
    REGISTRATIONS_PER_MINUTE: '1000000',
    LOGINS_PER_MINUTE: '1000000',
    ACCOUNT_LOGINS_PER_MINUTE: '1000000',
    ...env,
  })
}

export async function startApi(config: Config, overrides: Overrides = {}): Promise<FastifyInstance> {
  const app = await buildApp(config, { log: suiteLog(), ...overrides })
  await app.ready()
  return app
}

/** Listens on a free port; resolves with where. */
export function listen(app: FastifyInstance): Promise<string> {
  return app.listen({ host: '127.0.0.1', port: 0 })
}

export interface Person {
  readonly id: string
  readonly username: string
  readonly token: string
}

/** A user who is logged in; made without a password, which is slow by intent. */
export async function newPerson(app: FastifyInstance, { admin }: TestDatabase): Promise<Person> {
  const id = newId()
  const username = `u_${id.toLowerCase()}`
  await admin.db.insertInto('chat.users').values({ id, username, display_name: username }).execute()
  return { id, username, token: tokenOf(app, id) }
}

export function tokenOf(app: FastifyInstance, userId: string): string {
  return app.mintToken({ userId, sessionId: newId(), tokenId: newId() })
}

export interface TestApi {
  readonly database: TestDatabase
  readonly app: FastifyInstance
  readonly ada: Person
  readonly bob: Person
}

/**
 * An api on a database of its own, with two people, from before a suite's first test until after its last. `begin` is
 * given it before any test; `env` are settings as of `configFor`.
 */
export function withApi(
  begin: (api: TestApi) => void | Promise<void>,
  env: Readonly<Record<string, string>> = {},
): void {
  beforeAll(async () => {
    await using starting = new AsyncDisposableStack()
    const database = starting.use(await testDatabase())
    const app = await startApi(configFor(database.url, env))
    starting.defer(() => app.close())
    const [ada, bob] = [await newPerson(app, database), await newPerson(app, database)]
    await begin({ database, app, ada, bob })
    const started = starting.move()
    return () => started.disposeAsync()
  })
}

export interface Answer {
  readonly status: number
  /** Not typed as the routes' own answers: what is in it is what tests check. */
  readonly body: ReturnType<typeof JSON.parse>
  readonly headers: Readonly<Record<string, string | string[] | number | undefined>>
}

type Ask = Omit<InjectOptions, 'body'> & { readonly as?: Person; readonly body?: object | string }

/** `ask(app, 'POST /rooms', { as: ada, body: {…} })`. */
export async function ask(
  app: FastifyInstance,
  call: string,
  { as, body, ...rest }: Ask = {},
): Promise<Answer> {
  const [method, url] = call.split(' ') as ['GET' | 'HEAD', string]
  const answer = await app.inject({
    ...rest,
    method,
    url,
    headers: { ...(as === undefined ? {} : { authorization: `Bearer ${as.token}` }), ...rest.headers },
    ...(body === undefined ? {} : { payload: body }),
  })
  keep('people', `${answer.payload}\n`)
  const isJson = method !== 'HEAD' && String(answer.headers['content-type']).startsWith('application/json')
  return { status: answer.statusCode, headers: answer.headers, body: isJson ? answer.json() : answer.body }
}

/** One shape for all refusals, with nothing besides and the request's id in both places. */
export function expectRefusal(answer: Answer, status: number, code: ErrorCode): void {
  expect(answer).toMatchObject({ status, body: { error: { code } } })
  const { error, ...rest } = answer.body
  expect(rest).toEqual({})
  expect(error).toEqual({
    code,
    message: expect.any(String),
    requestId: answer.headers['x-request-id'],
    ...('details' in error ? { details: expect.any(Array) } : {}),
  })
  expect(error.requestId).toMatch(/^[0-9a-f-]{36}$/)
}

export function credentials(changes: Readonly<Record<string, unknown>> = {}) {
  return { username: `u_${newId().toLowerCase()}`, password: PASSWORD, ...changes }
}

export async function register(app: FastifyInstance, changes = {}): Promise<Session> {
  const { status, body } = await ask(app, 'POST /auth/register', { body: credentials(changes) })
  expect(status).toBe(201)
  return body
}

export async function newRoom(
  app: FastifyInstance,
  owner: Person,
  { visibility = 'public' as Visibility, name = 'room' } = {},
): Promise<string> {
  const { status, body } = await ask(app, 'POST /rooms', { as: owner, body: { name, visibility } })
  expect(status).toBe(201)
  return body.room.id
}

/** Stores messages behind a room's head as the persister does; resolves with their ids, in order. */
export async function say(
  { admin }: TestDatabase,
  roomId: string,
  senderId: string,
  bodies: readonly string[],
): Promise<readonly string[]> {
  return admin.db.transaction().execute(async (trx) => {
    const { last_seq: head } = await trx
      .selectFrom('chat.rooms')
      .select('last_seq')
      .where('id', '=', roomId)
      .forUpdate()
      .executeTakeFirstOrThrow()
    const rows = bodies.map((body, i) => ({
      room_id: roomId,
      seq: head + i + 1,
      id: newId(),
      sender_id: senderId,
      client_msg_id: newId(),
      body,
      created_at: new Date(),
      source_partition: 0,
      source_offset: head + i,
    }))
    await trx.insertInto('chat.messages').values(rows).execute()
    await trx
      .updateTable('chat.rooms')
      .set({ last_seq: head + rows.length, last_message_id: rows.at(-1)?.id ?? null })
      .where('id', '=', roomId)
      .execute()
    return rows.map(({ id }) => id)
  })
}

/** Sessions of this database that wait for a lock. */
export async function lockWaiters({ admin }: TestDatabase): Promise<number> {
  const { rows } = await sql`SELECT 1 FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock'`.execute(admin.db)
  return rows.length
}
