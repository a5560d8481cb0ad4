import { DEFAULT_LIMITS, newId } from '@roomlog/protocol'
import { suiteLog, suiteOn, testClient } from '@roomlog/testkit'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { buildApp } from '../src/app.ts'
import { PATIENCE, type RunningEdge, tokenFor, World } from './support.ts'

suiteOn(['postgres'], 'the handshake', () => {
  const resources = new AsyncDisposableStack()
  let world: World
  let edge: RunningEdge
  let userId: string

  beforeAll(async () => {
    world = resources.use(await World.start('embedded'))
    edge = resources.use(await world.edge())
    userId = await world.newUser()
  })
  afterAll(() => resources.disposeAsync())

  test.each([
    ['the subprotocol that browsers can send', () => edge.connect({ token: tokenFor(userId) })],
    [
      'the Authorization header',
      () => edge.connect({ headers: { authorization: `Bearer ${tokenFor(userId)}` } }),
    ],
  ])('takes the token from %s, and welcomes', async (_name, connect) => {
    await using client = await connect()
    const welcome = await client.next('welcome')
    expect(client.frames[0]).toBe(welcome)
    expect(client.socket.protocol).toBe('roomlog.v1')
    expect(welcome).toMatchObject({ userId, heartbeatIntervalMs: 20_000, limits: DEFAULT_LIMITS })
    expect(welcome.tokenExpiresInMs).toBeGreaterThan(890_000)
    expect(welcome.connectionId).toMatch(/^[0-9A-Z]{26}$/)
    expect(Math.abs(Date.parse(String(welcome.serverTime)) - Date.now())).toBeLessThan(60_000)
    const { epoch } = await world.admin.db
      .selectFrom('chat.cluster')
      .select('epoch')
      .executeTakeFirstOrThrow()
    expect(welcome.epoch).toBe(epoch)
  })

  test('without the subprotocol closes with 4400, but only after the token', async () => {
    const open = (authorization: string) => {
      const socket = new WebSocket(edge.url, { headers: { authorization } })
      return new Promise<number>((resolve) => socket.on('close', resolve))
    }
    expect(await open(`Bearer ${tokenFor(userId)}`)).toBe(4400)
    expect(await open('Bearer nonsense')).toBe(4401)
  })

  test('never gives the token back, whatever the order of what is offered', async () => {
    const token = `bearer.${tokenFor(userId)}`
    const open = (protocols: readonly string[]) => {
      const socket = new WebSocket(edge.url, [...protocols])
      let answered: string | undefined
      socket.on('upgrade', ({ headers }) => {
        answered = headers['sec-websocket-protocol']
      })
      // A client that is given none of what it offered gives up by itself.
      socket.on('error', () => undefined)
      socket.on('message', () => socket.close(4000))
      return new Promise((resolve) => socket.on('close', (code) => resolve([answered, code])))
    }
    expect(await open([token, 'roomlog.v1'])).toEqual(['roomlog.v1', 4000])
    expect(await open([token, 'other'])).toEqual(['other', 4400])
    expect(await open([token])).toEqual([undefined, 1006])
  })

  test('a page of an allowed origin may connect', async () => {
    await using client = await edge.connect({ token: tokenFor(userId), origin: 'https://chat.example.org' })
    await client.next('welcome')
  })

  test.each([
    'null',
    'http://chat.example.org',
    'https://chat.example.org.evil.example',
    'https://evil.example/https://chat.example.org',
    'https://chat.example.org:444',
    'https://xchat.example.org',
    'https://CHAT.example.org',
    'https://chat.example.org/',
    'https://chat.example.org.',
    'https://chat.example.org:443',
    'https://chat.example.org:0443',
    'https://user@chat.example.org',
    'https://a.chat.example.org',
    'https://chat.example.org@evil.example',
    'https://chat.example.org%2eevil.example',
    'https://chat.example.org\\evil.example',
    'https://chat.example.org https://evil.example',
    'https://chat.example.org,https://evil.example',
    'wss://chat.example.org',
    'HTTPS://chat.example.org',
    'chat.example.org',
    '//chat.example.org',
    'https://chat.example.or',
    'https://xn--cht-5cd.example.org',
    'file://',
    'https://',
    '*',
  ])('a page of the origin %s may not', async (origin) => {
    await expect(edge.connect({ token: tokenFor(userId), origin })).rejects.toMatchObject({ status: 403 })
  })

  test('more of one address than it may are refused for a moment', async () => {
    await using busy = await world.edge({}, { edgeId: newId(), handshakes: { perSecond: 1, burst: 3 } })
    const results = await Promise.allSettled(
      Array.from({ length: 5 }, () => busy.connect({ token: tokenFor(userId) })),
    )
    const refused = results.filter((it) => it.status === 'rejected').map((it) => it.reason.status)
    expect(refused).toEqual([429, 429])
    for (const it of results) if (it.status === 'fulfilled') it.value.terminate()
  })

  test('addresses are those that a trusted proxy tells of; a network of IPv6 is one', async () => {
    // So slow that none comes back while the test runs.
    const handshakes = { perSecond: 0.001, burst: 1 }
    const statuses = async (it: RunningEdge, addresses: readonly string[]) => {
      const found: number[] = []
      for (const address of addresses) {
        const headers = { 'x-forwarded-for': address }
        const client = await it.connect({ token: tokenFor(userId), headers }).catch(({ status }) => status)
        found.push(typeof client === 'number' ? client : 101)
        if (typeof client !== 'number') client.terminate()
      }
      return found
    }
    await using behind = await world.edge({}, { edgeId: newId(), handshakes, trustProxy: ['127.0.0.1'] })
    const networks = ['2001:db8:1:1::1', '2001:db8:1:1::2', '2001:db8:1:2::1']
    expect(await statuses(behind, networks)).toEqual([101, 429, 101])
    expect(await statuses(behind, ['192.0.2.1', '::ffff:192.0.2.1'])).toEqual([101, 429])
    await using open = await world.edge({}, { edgeId: newId(), handshakes })
    expect(await statuses(open, ['192.0.2.1', '192.0.2.2'])).toEqual([101, 429])
  })

  test('is refused until the edge has all of its log', async () => {
    const never = (signal: AbortSignal) =>
      new Promise<never>((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason))
      })
    const app = await buildApp({ ...world.config, edgeId: newId() }, { openLog: never, log: suiteLog() })
    try {
      const address = await app.listen({ host: '127.0.0.1', port: 0 })
      const url = `${address.replace('http', 'ws')}/ws`
      await expect(testClient(url, { token: tokenFor(userId) })).rejects.toMatchObject({ status: 503 })
      expect((await app.inject({ url: '/readyz' })).statusCode).toBe(503)
      expect((await app.inject({ url: '/livez' })).statusCode).toBe(200)
    } finally {
      await app.close()
    }
  })

  test('a plain request to the socket’s path finds nothing', async () => {
    expect((await edge.app.inject({ url: '/ws' })).statusCode).toBe(404)
  })

  describe('a token that ends', () => {
    test('ends its socket', async () => {
      const expiring = tokenFor(userId, { claims: { exp: Math.floor(Date.now() / 1000) + 2 } })
      const client = await edge.client(userId, expiring)
      expect(await client.closed).toEqual({ code: 4401, reason: 'unauthenticated' })
    })

    test('can be replaced before, by one of the same user', async () => {
      const expiring = tokenFor(userId, { claims: { exp: Math.floor(Date.now() / 1000) + 2 } })
      await using client = await edge.client(userId, expiring)
      client.send({ type: 'authenticate', token: tokenFor(newId()), ref: 'other' })
      expect(await client.next('error')).toMatchObject({
        code: 'unauthenticated',
        ref: 'other',
        retryable: false,
      })
      client.send({ type: 'authenticate', token: 'nonsense' })
      expect(await client.next('error')).toMatchObject({ code: 'unauthenticated' })
      client.send({ type: 'authenticate', token: tokenFor(userId), ref: 'own' })
      const answer = await client.next('authenticated')
      expect(answer.ref).toBe('own')
      expect(answer.expiresInMs).toBeGreaterThan(890_000)
      // Another socket with the old expiry has ended: this one's would have as well.
      const witness = await edge.client(
        userId,
        tokenFor(userId, { claims: { exp: Math.floor(Date.now() / 1000) + 2 } }),
      )
      await witness.closed
      client.send({ type: 'heartbeat', ref: 'alive' })
      expect(await client.next('heartbeatAck')).toMatchObject({ ref: 'alive' })
    })
  })

  test('the socket above a user’s limit closes the oldest', async () => {
    const user = await world.newUser()
    const clients = []
    for (let i = 0; i < DEFAULT_LIMITS.maxSocketsPerUser; i += 1) clients.push(await edge.client(user))
    const last = await edge.client(user)
    expect(await clients[0]?.closed).toEqual({ code: 4429, reason: 'limitExceeded' })
    expect(clients.slice(1).every(({ socket }) => socket.readyState === WebSocket.OPEN)).toBe(true)
    for (const client of [...clients, last]) client.terminate()
    await expect
      .poll(async () => (await edge.app.inject({ url: '/metrics' })).body, PATIENCE)
      .toContain('roomlog_edge_connections 0')
  })
})
