import { connectLive } from '@roomlog/live'
import { type FaultProxy, faultProxy, redis, suiteOn, type TestRedis } from '@roomlog/testkit'
import type { FastifyInstance } from 'fastify'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import {
  ask,
  configFor,
  newPerson,
  newRoom,
  silent,
  startApi,
  type TestDatabase,
  testDatabase,
} from './support.ts'

const PATIENCE = { timeout: 20_000 }

suiteOn(['postgres'], 'health on the embedded engine', () => {
  let database: TestDatabase
  let proxy: FaultProxy
  let app: FastifyInstance

  beforeAll(async () => {
    database = await testDatabase()
    proxy = await faultProxy(database.url)
  })
  beforeEach(async () => {
    app = await startApi(configFor(proxy.url))
  })
  afterEach(async () => {
    proxy.heal()
    await app.close()
  })
  afterAll(async () => {
    await proxy[Symbol.asyncDispose]()
    await database[Symbol.asyncDispose]()
  })

  test('names what is depended on', async () => {
    expect(await ask(app, 'GET /health')).toMatchObject({
      status: 200,
      body: { status: 'ok', checks: { database: 'ok' } },
    })
    expect(await ask(app, 'GET /livez')).toMatchObject({ status: 200, body: { status: 'ok' } })
    expect(await ask(app, 'GET /readyz')).toMatchObject({ status: 200, body: { status: 'ok' } })
  })

  test.each(['cut', 'freeze'] as const)(
    'names a database that fails (%s), and when it is back',
    async (fault) => {
      await ask(app, 'GET /health')
      proxy[fault]()
      const [health, ready, live] = await Promise.all(
        ['health', 'readyz', 'livez'].map((p) => ask(app, `GET /${p}`)),
      )
      expect(health).toMatchObject({
        status: 503,
        body: { status: 'failing', checks: { database: 'failing' } },
      })
      expect(ready).toMatchObject({ status: 503, body: { status: 'not ready', reason: 'database' } })
      expect(live?.status).toBe(200)
      proxy.heal()
      await expect.poll(async () => (await ask(app, 'GET /readyz')).status, PATIENCE).toBe(200)
      expect((await ask(app, 'GET /health')).status).toBe(200)
    },
  )

  test('gives figures to Prometheus', async () => {
    const { status, headers, body } = await ask(app, 'GET /metrics')
    expect(status).toBe(200)
    expect(headers['content-type']).toMatch(/^text\/plain; version=/)
    expect(body).toMatch(/^process_cpu_seconds_total \d/m)
  })

  test('needs no token and takes no body', async () => {
    for (const path of ['health', 'livez', 'readyz', 'metrics']) {
      const options = { headers: { authorization: 'Bearer garbage' } }
      expect((await ask(app, `GET /${path}`, options)).status).toBe(200)
      expect((await ask(app, `HEAD /${path}`)).status).toBe(200)
    }
  })
})

suiteOn(['postgres', 'redis'], 'health on the full engine', () => {
  let database: TestDatabase
  let store: TestRedis
  let proxy: FaultProxy
  let app: FastifyInstance

  beforeAll(async () => {
    database = await testDatabase()
    store = await redis()
    proxy = await faultProxy(store.url)
    const env = {
      ENGINE: 'full',
      REDIS_URL: proxy.url,
      NAMESPACE: store.namespace,
      KAFKA_BROKERS: 'unused:1',
    }
    app = await startApi(configFor(database.url, env))
  })
  afterEach(async () => {
    proxy.heal()
    await expect.poll(async () => (await ask(app, 'GET /health')).status, PATIENCE).toBe(200)
  })
  afterAll(async () => {
    await app.close()
    await proxy[Symbol.asyncDispose]()
    await store[Symbol.asyncDispose]()
    await database[Symbol.asyncDispose]()
  })

  test('names Redis too', async () => {
    const health = () => ask(app, 'GET /health')
    await expect.poll(async () => (await health()).status, PATIENCE).toBe(200)
    expect((await health()).body).toEqual({ status: 'ok', checks: { database: 'ok', redis: 'ok' } })
  })

  test.each(['cut', 'freeze'] as const)('goes on without Redis (%s): chat does', async (fault) => {
    const ada = await newPerson(app, database)
    const bob = await newPerson(app, database)
    proxy[fault]()
    expect(await ask(app, 'GET /health')).toMatchObject({
      status: 503,
      body: { status: 'failing', checks: { database: 'ok', redis: 'failing' } },
    })
    expect((await ask(app, 'GET /readyz')).status).toBe(200)
    const room = await newRoom(app, ada)
    expect((await ask(app, `POST /rooms/${room}/join`, { as: bob })).status).toBe(200)
  })

  test('tells other devices of a new membership through Redis', async () => {
    const ada = await newPerson(app, database)
    const bob = await newPerson(app, database)
    const settings = { engine: 'full', namespace: store.namespace, redisUrl: store.url } as const
    const live = connectLive(settings, silent)
    try {
      await expect
        .poll(
          () =>
            live.ping().then(
              () => 'up',
              () => 'down',
            ),
          PATIENCE,
        )
        .toBe('up')
      const heard: unknown[] = []
      live.signals.listen((signal) => heard.push(signal))
      await live.signals.watch({ kind: 'user', userId: bob.id })
      const room = await newRoom(app, ada)
      await ask(app, `POST /rooms/${room}/join`, { as: bob })
      await expect.poll(() => heard).toEqual([{ type: 'memberAdded', roomId: room, userId: bob.id }])
    } finally {
      await live.close()
    }
  })
})
