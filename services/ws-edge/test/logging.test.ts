import { DEFAULT_LIMITS, newId } from '@roomlog/protocol'
import { BODY, keep, suiteOn } from '@roomlog/testkit'
import { pino } from 'pino'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { join, OTHER_KEYS, PATIENCE, type RunningEdge, tokenFor, World } from './support.ts'

suiteOn(['postgres'], 'what an edge tells of its sockets', () => {
  const resources = new AsyncDisposableStack()
  const texts: string[] = []
  let world: World
  let edge: RunningEdge
  let ada = ''

  beforeAll(async () => {
    world = resources.use(await World.start('embedded'))
    const log = pino(
      { level: 'trace' },
      {
        write: (text: string) => {
          texts.push(text)
          keep('operators', text)
        },
      },
    )
    edge = resources.use(await world.edge({ log }))
    ada = await world.newUser()
  })
  afterAll(() => resources.disposeAsync())

  const lines = () => texts.map((text): Readonly<Record<string, unknown>> => JSON.parse(text))

  test('who was closed for a limit, and from where, is logged', async () => {
    const client = await edge.client(ada)
    for (let i = 0; i < 2 * DEFAULT_LIMITS.framesPerSecond; i += 1) client.send({ type: 'heartbeat' })
    expect(await client.closed).toMatchObject({ code: 4429 })
    await expect
      .poll(() => lines().find(({ code }) => code === 4429), PATIENCE)
      .toMatchObject({ level: 30, userId: ada, ip: '127.0.0.1', reqId: expect.any(String) })
  })

  test('who was denied a room is logged, and from where', async () => {
    const [open, closed] = [await world.newRoom([]), await world.newRoom([], 'private')]
    await using client = await edge.client(ada)
    for (const roomId of [open, closed]) {
      client.send({ type: 'joinRoom', roomId })
      await client.next('error')
      client.send({ type: 'sendMessage', roomId, clientMsgId: newId(), body: BODY })
      await client.next('ack')
    }
    const denied = lines().filter(({ msg }) => /denied/.test(String(msg)))
    const who = { userId: ada, ip: '127.0.0.1', reqId: expect.any(String) }
    expect(denied).toMatchObject([
      { ...who, msg: 'join denied', roomId: open, code: 'not_a_member' },
      { ...who, msg: 'send denied', roomId: open, code: 'not_a_member' },
      { ...who, msg: 'join denied', roomId: closed, code: 'room_not_found' },
      { ...who, msg: 'send denied', roomId: closed, code: 'room_not_found' },
    ])
  })

  test('a code that a client made up is counted with all of its kind', async () => {
    for (const code of [3001, 3002]) await (await edge.client(ada)).close(code)
    const closes = async () => (await edge.app.inject({ url: '/metrics' })).body
    await expect.poll(closes, PATIENCE).toContain('roomlog_edge_closes_total{code="other"} 2')
    expect(await closes()).not.toMatch(/code="300/)
  })

  test('no token and no message is in any line', async () => {
    const room = await world.newRoom([ada])
    const body = `secret-${newId()}`
    const [good, newer, bad] = [tokenFor(ada), tokenFor(ada), tokenFor(ada, {}, OTHER_KEYS)]
    const client = await edge.client(ada, good)
    await join(client, room)
    const frame = { type: 'sendMessage', roomId: room, clientMsgId: newId(), body }
    client.send(frame)
    expect(await client.next('ack')).toMatchObject({ status: 'ACCEPTED' })
    client.send({ ...frame, clientMsgId: newId(), body: `${body}\0` })
    expect(await client.next('ack')).toMatchObject({ code: 'validation_failed' })
    client.send(`{"type":"sendMessage","body":"${body}"`)
    await client.next('error')
    client.send({ type: 'authenticate', token: newer })
    await client.next('authenticated')
    client.send({ type: 'authenticate', token: bad })
    await client.next('error')
    await client.close()
    await (await edge.connect({ token: bad })).closed
    await (await edge.connect({ headers: { authorization: `Bearer ${bad}` } })).closed
    await expect(edge.connect({ token: good, origin: 'https://evil.example' })).rejects.toThrow()
    expect(lines().map(({ msg }) => msg)).toEqual(
      expect.arrayContaining(['socket refused', 'handshake refused', 'socket closed']),
    )
    // Also of what stands between the dots.
    const secrets = [body, ...[good, newer, bad].flatMap((token) => token.split('.').slice(1))]
    for (const secret of secrets) expect(texts.filter((text) => text.includes(secret))).toEqual([])
  })
})
