import { newId } from '@roomlog/protocol'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { join, PATIENCE, type RunningEdge, seqsOf, suiteOnEngines, World } from './support.ts'

const BODY = 'x'.repeat(4000)
const BATCH = Array.from({ length: 100 }, () => BODY)
/** More than a socket that is not read can hold, however much of it the kernel takes: 40 MB. */
const MOST_BATCHES = 100

suiteOnEngines('what an edge counts', (engine) => {
  const resources = new AsyncDisposableStack()
  let world: World
  let edge: RunningEdge
  let ada = ''

  beforeAll(async () => {
    world = resources.use(await World.start(engine))
    edge = resources.use(await world.edge())
    ada = await world.newUser()
  })
  afterAll(() => resources.disposeAsync())

  const metric = async (name: string) => {
    const lines = (await edge.app.inject({ url: '/metrics' })).body.split('\n')
    const line = lines.find((it) => it.startsWith(`${name} `))
    return line === undefined ? undefined : Number(line.slice(name.length))
  }

  test('a delivery is measured once, however many sockets there are; a missed event is a gap fill', async () => {
    const room = await world.newRoom([ada])
    const clients = [await edge.client(ada), await edge.client(ada), await edge.client(ada)]
    for (const client of clients) await join(client, room)
    const deliveries = 'roomlog_edge_accepted_to_delivered_seconds'
    const before = (await metric(`${deliveries}_count`)) ?? 0
    const fills = (await metric('roomlog_edge_gap_fills_total')) ?? 0
    await world.say(room, ada, '1', '2')
    for (const client of clients) await expect.poll(() => seqsOf(client, room), PATIENCE).toEqual([1, 2])
    expect(await metric(`${deliveries}_count`)).toBe(before + 2)
    expect(await metric('roomlog_edge_gap_fills_total')).toBe(fills)
    await world.store(room, ada, ['3'])
    await world.say(room, ada, '4')
    for (const client of clients)
      await expect.poll(() => seqsOf(client, room), PATIENCE).toEqual([1, 2, 3, 4])
    expect(await metric(`${deliveries}_count`)).toBe(before + 4)
    expect(await metric('roomlog_edge_gap_fills_total')).toBe(fills + 1)
    for (const client of clients) await client.close()
  })

  test('a send is measured until its ack, and what is refused is not', async () => {
    const room = await world.newRoom([ada])
    await using client = await edge.client(ada)
    const frame = { type: 'sendMessage', roomId: room, clientMsgId: newId(), body: 'hello' }
    const acked = 'roomlog_edge_accepted_to_acked_seconds_count'
    expect(await metric('roomlog_edge_sends_total{result="validation_failed"}')).toBe(0)
    const before = (await metric(acked)) ?? 0
    client.send(frame)
    expect(await client.next('ack')).toMatchObject({ status: 'ACCEPTED' })
    client.send({ ...frame, body: '' })
    expect(await client.next('ack')).toMatchObject({ status: 'FAILED' })
    expect(await metric(acked)).toBe(before + 1)
    expect(await metric('roomlog_edge_sends_total{result="accepted"}')).toBe(before + 1)
    expect(await metric('roomlog_edge_sends_total{result="validation_failed"}')).toBe(1)
    expect(await metric('roomlog_edge_pending_appends')).toBe(0)
  })

  test('who does not read is counted as a slow consumer, though its close is never answered', async () => {
    const slow = await edge.client(ada)
    slow.socket.pause()
    const room = await world.newRoom([ada])
    await using reader = await edge.client(ada)
    const closes = () => metric('roomlog_edge_closes_total{code="4408"}')
    expect(await closes()).toBe(0)
    slow.send({ type: 'joinRoom', roomId: room })
    await join(reader, room)
    for (let i = 0; (await closes()) === 0 && i < MOST_BATCHES; i += 1) await world.say(room, ada, ...BATCH)
    await expect.poll(closes, PATIENCE).toBe(1)
    slow.terminate()
  })

  test('a socket is no request, however long it was open; a handshake that is refused is one', async () => {
    await (await edge.client(ada)).close()
    await expect(edge.connect({ origin: 'https://evil.example' })).rejects.toMatchObject({ status: 403 })
    const { body } = await edge.app.inject({ url: '/metrics' })
    const counts = body.split('\n').filter((line) => /^roomlog_http_\S+_count.+route="\/ws"/.test(line))
    expect(counts).toEqual([
      'roomlog_http_request_duration_seconds_count{method="GET",route="/ws",status="403"} 1',
    ])
  })

  test('the service tells of its members of the log, its pools and whether it is ready', async () => {
    const group = 'group="chat-broadcast.edge-test"'
    expect(await metric(`roomlog_consumer_partitions{${group}}`)).toBe(3)
    expect(await metric(`roomlog_consumer_connected{${group}}`)).toBe(1)
    await expect.poll(() => metric(`roomlog_consumer_lag_records{${group}}`), PATIENCE).toBe(0)
    expect(await metric(`roomlog_consumer_oldest_seconds{${group}}`)).toBe(0)
    // Busy for the moments of a look at the database.
    const idle = () => metric('roomlog_database_connections{pool="main",state="idle"}')
    await expect.poll(idle, PATIENCE).toBeGreaterThan(0)
    expect(await metric('roomlog_database_waiting{pool="main"}')).toBe(0)
    expect(await metric('roomlog_ready')).toBe(1)
    expect(await metric('roomlog_draining')).toBe(0)
  })
})
