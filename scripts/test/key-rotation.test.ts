import { buildApp as buildApi } from '@roomlog/api/app'
import { parseConfig as parseApi } from '@roomlog/api/config'
import { connect, migrate } from '@roomlog/db'
import { createTopics } from '@roomlog/event-log'
import type { Session } from '@roomlog/protocol'
import { PASSWORD, postgres, suiteLog, suiteOn, testClient } from '@roomlog/testkit'
import { buildApp as buildEdge } from '@roomlog/ws-edge/app'
import { parseConfig as parseEdge } from '@roomlog/ws-edge/config'
import type { FastifyInstance } from 'fastify'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { requestOf } from '../request.ts'
import { makeKeys } from '../start/keys.ts'

const PATIENCE = { timeout: 60_000 }
const PEOPLE = 5
/** Of each of them, once a key has taken another's place. */
const ROUNDS = 5
const [OLD, NEW] = [makeKeys(), makeKeys()]
const publicKeys = (...keys: readonly ReturnType<typeof makeKeys>[]) =>
  JSON.stringify(keys.flatMap(({ JWT_PUBLIC_KEYS }) => JSON.parse(JWT_PUBLIC_KEYS)))
const kidOf = (token: string) =>
  JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString()).kid
const NEW_KID = JSON.parse(NEW.JWT_PRIVATE_KEY).kid

/** A service of which one process after another does the work; the next one is ready before the last one stops. */
class Rolling implements AsyncDisposable {
  #app: FastifyInstance | undefined
  /** Of the one that works now. */
  url = ''

  async go(next: Promise<FastifyInstance>): Promise<void> {
    const [app, last] = [await next, this.#app]
    const url = await app.listen({ host: '127.0.0.1', port: 0 })
    await expect.poll(async () => (await app.inject('/readyz')).statusCode, PATIENCE).toBe(200)
    this.#app = app
    this.url = url
    await last?.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#app?.close()
  }
}

suiteOn(['postgres'], 'keys that are rotated while people chat', () => {
  const resources = new AsyncDisposableStack()
  const [api, edge] = [new Rolling(), new Rolling()]
  let databaseUrl = ''

  beforeAll(async () => {
    const server = resources.use(await postgres())
    databaseUrl = server.url
    await migrate(databaseUrl)
    const database = connect({ url: databaseUrl, applicationName: 'test' })
    resources.defer(() => database.close())
    const { eventLog } = parseEdge(edgeEnv(publicKeys(OLD)))
    await createTopics({ ...eventLog, database, replicationFactor: 1 }, suiteLog())
    for (const service of [api, edge]) resources.use(service)
  })
  afterAll(() => resources.disposeAsync())

  const common = () => ({ DATABASE_URL: databaseUrl, PORT: '0', PARTITIONS: '3' })
  const startApi = (JWT_PRIVATE_KEY: string, JWT_PUBLIC_KEYS: string) => {
    const limits = { REGISTRATIONS_PER_MINUTE: '1000' }
    const config = parseApi({ ...common(), ...limits, JWT_PRIVATE_KEY, JWT_PUBLIC_KEYS })
    return buildApi(config, { log: suiteLog() })
  }
  const edgeEnv = (JWT_PUBLIC_KEYS: string) => ({
    ...common(),
    JWT_PUBLIC_KEYS,
    EDGE_ID: crypto.randomUUID(),
    HANDSHAKE_BURST: '1000000',
  })
  const startEdge = (keys: string) =>
    buildEdge(parseEdge(edgeEnv(keys)), { log: suiteLog(), onFatal: (error) => expect.fail(error.message) })

  /** Undefined where the connection was lost: its process had just stopped. */
  const call = (path: string, token: string | undefined, body?: object) =>
    fetch(
      api.url + path,
      requestOf({ ...(body && { method: 'POST', body }), ...(token && { token }) }),
    ).catch(() => undefined)
  const open = async (token: string) => {
    const client = await testClient(`${edge.url.replace('http', 'ws')}/ws`, { token }).catch(() => undefined)
    const welcome = client?.next('welcome').then(() => 101)
    return Promise.race([welcome, client?.closed.then(({ code }) => code)]).finally(() => client?.terminate())
  }

  test('let everybody in all the time, and in the end only tokens of the new one', async () => {
    await api.go(startApi(OLD.JWT_PRIVATE_KEY, publicKeys(OLD)))
    await edge.go(startEdge(publicKeys(OLD)))
    const people = await Promise.all(
      Array.from({ length: PEOPLE }, async (_, i) => {
        const answer = await call('/auth/register', undefined, { username: `ada_${i}`, password: PASSWORD })
        return { session: (await answer?.json()) as Session, rounds: 0 }
      }),
    )
    const oldToken = people[0]?.session.accessToken ?? expect.fail('nobody registered')
    const answers = new Map<string, number>()
    const note = (what: string, code: number | undefined) =>
      answers.set(`${what} ${code}`, (answers.get(`${what} ${code}`) ?? 0) + 1)
    let isOver = false
    const chatting = people.map(async (person) => {
      while (!isOver) {
        const { accessToken, refreshToken } = person.session
        note('REST', (await call('/users/me', accessToken))?.status)
        note('socket', await open(accessToken))
        const refreshed = await call('/auth/refresh', undefined, { refreshToken })
        note('REST', refreshed?.status)
        if (refreshed?.status === 200) person.session = (await refreshed.json()) as Session
        person.rounds += 1
      }
    })
    const rounds = async () => {
      const before = people.map((person) => person.rounds)
      await expect
        .poll(() => people.every((person, i) => person.rounds >= (before[i] ?? 0) + ROUNDS), PATIENCE)
        .toBe(true)
    }
    await rounds()
    // Everywhere believed before anything is signed with it.
    await edge.go(startEdge(publicKeys(OLD, NEW)))
    await api.go(startApi(OLD.JWT_PRIVATE_KEY, publicKeys(OLD, NEW)))
    await rounds()
    await api.go(startApi(NEW.JWT_PRIVATE_KEY, publicKeys(OLD, NEW)))
    // A token's life goes by: here everybody has renewed theirs.
    await rounds()
    expect(people.filter(({ session }) => kidOf(session.accessToken) !== NEW_KID)).toEqual([])
    expect((await call('/users/me', oldToken))?.status).toBe(200)
    await edge.go(startEdge(publicKeys(NEW)))
    await api.go(startApi(NEW.JWT_PRIVATE_KEY, publicKeys(NEW)))
    await rounds()
    isOver = true
    await Promise.all(chatting)

    const told = [...answers.keys()].filter(
      (it) => !/^(REST 200|socket 101|.* undefined|socket 1012)$/.test(it),
    )
    expect(told).toEqual([])
    expect(answers.get('REST 200')).toBeGreaterThan(4 * PEOPLE * ROUNDS)
    expect(answers.get('socket 101')).toBeGreaterThan(3 * PEOPLE * ROUNDS)
    expect([(await call('/users/me', oldToken))?.status, await open(oldToken)]).toEqual([401, 4401])
  })
})
