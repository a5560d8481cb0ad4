import { newId } from '@roomlog/protocol'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { proxiedLog } from './proxied-log.ts'
import { join, PATIENCE, seqsOf, suiteOnEngines, tokenFor, World } from './support.ts'

/** After 18 s an edge is ended by force, as one that failed, and thousands of sockets take 10 s longer to drain than one. */
const STOP_BOUND_MS = 12_000

suiteOnEngines('an edge that stops', (engine) => {
  const resources = new AsyncDisposableStack()
  let world: World
  let ada = ''

  beforeAll(async () => {
    world = resources.use(await World.start(engine))
    ada = await world.newUser()
  })
  afterAll(() => resources.disposeAsync())

  test('tells each socket its slot, goes on serving until then, and closes with 1012', async () => {
    const room = await world.newRoom([ada])
    const edge = await world.edge()
    const clients = [await edge.client(ada), await edge.client(ada), await edge.client(ada)]
    for (const client of clients) await join(client, room)
    const stopped = edge.app.close()
    const slots = []
    for (const client of clients) slots.push((await client.next('draining')).reconnectAfterMs)
    expect(slots).toEqual(slots.toSorted((a, b) => Number(a) - Number(b)))
    expect(new Set(slots).size).toBe(3)
    await expect(edge.connect({ token: tokenFor(ada) })).rejects.toMatchObject({ status: 503 })
    expect((await fetch(edge.url.replace('ws', 'http').replace('/ws', '/readyz'))).status).toBe(503)

    // Until its slot a socket is served as ever.
    const last = clients[2]
    const clientMsgId = newId()
    last?.send({ type: 'sendMessage', roomId: room, clientMsgId, body: 'late' })
    expect(await last?.next('ack')).toMatchObject({ clientMsgId, status: 'ACCEPTED' })
    await world.say(room, ada, '1')
    await expect.poll(() => last && seqsOf(last, room), PATIENCE).toEqual([1])
    for (const client of clients) expect(await client.closed).toEqual({ code: 1012, reason: 'restart' })
    await stopped
  })

  test('goes on, as the same edge, with what came meanwhile', async () => {
    const room = await world.newRoom([ada])
    const edgeId = newId()
    const first = await world.edge({}, { edgeId })
    await first.app.close()
    const messages = await world.say(room, ada, '1', '2')
    await using second = await world.edge({}, { edgeId })
    await using client = await second.client(ada)
    await join(client, room, 0)
    await expect.poll(() => seqsOf(client, room), PATIENCE).toEqual(messages.map(({ seq }) => seq))
  })

  test('while its database hangs comes to its end, however many sockets came meanwhile', async () => {
    const handshakes = { perSecond: 1000, burst: 1000 }
    const edge = await world.edge({}, { edgeId: newId(), handshakes })
    world.proxy.freeze()
    try {
      // One after the other, so that the live store is to be told of them in many calls.
      const clients = []
      for (let i = 0; i < 400; i += 1) clients.push(await edge.client(newId()))
      for (const client of clients) client.terminate()
      await edge.app.close()
    } finally {
      world.proxy.heal()
    }
  }, 25_000)

  test('while its log hangs comes to its end before it is ended by force', async () => {
    await using own = new AsyncDisposableStack()
    const { openLog, proxies } = await proxiedLog(world, own)
    const room = await world.newRoom([ada])
    const edge = await world.edge({ openLog }, { edgeId: newId() })
    await using client = await edge.client(ada)
    await join(client, room)
    for (const proxy of proxies) proxy.freeze()
    client.send({ type: 'sendMessage', roomId: room, clientMsgId: newId(), body: 'lost' })
    const figures = async () => (await edge.app.inject({ url: '/metrics' })).body
    await expect.poll(figures, PATIENCE).toContain('roomlog_edge_pending_appends 1')
    const bound = AbortSignal.timeout(STOP_BOUND_MS)
    await edge.app.close()
    expect(bound.aborted).toBe(false)
  }, 60_000)

  test('without sockets is gone at once', async () => {
    const edge = await world.edge({}, { edgeId: newId() })
    await edge.app.close()
    await expect(edge.connect({ token: tokenFor(ada) })).rejects.toThrow()
  })
})
