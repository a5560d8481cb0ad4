import type { Socket } from 'node:net'
import { DEFAULT_LIMITS, newId } from '@roomlog/protocol'
import type { TestClient } from '@roomlog/testkit'
import { suiteOn } from '@roomlog/testkit'
import { memoryInUse } from '@roomlog/testkit/memory-in-use'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type RunningEdge, World } from './support.ts'

suiteOn(['postgres'], 'frames', () => {
  const resources = new AsyncDisposableStack()
  let world: World
  let edge: RunningEdge
  let userId: string
  let client: TestClient

  beforeAll(async () => {
    world = resources.use(await World.start('embedded'))
    edge = resources.use(await world.edge())
    userId = await world.newUser()
  })
  beforeEach(async () => {
    client = await edge.client(userId)
    return async () => {
      client.terminate()
      await client.closed
    }
  })
  afterAll(() => resources.disposeAsync())

  test('a heartbeat is answered, its ref with it', async () => {
    client.send({ type: 'heartbeat' })
    expect(await client.next('heartbeatAck')).toEqual({ type: 'heartbeatAck' })
    client.send({ type: 'heartbeat', ref: 'x'.repeat(64), unknown: 'fields are ignored' })
    expect(await client.next('heartbeatAck')).toEqual({ type: 'heartbeatAck', ref: 'x'.repeat(64) })
  })

  test.each([
    ['not JSON', '{'],
    ['not an object', '[]'],
    ['null', 'null'],
    ['without a type', '{}'],
    ['of an unknown type', '{"type":"shout"}'],
    ['of a type that objects have', '{"type":"constructor"}'],
  ])('%s: a bad frame', async (_name, text) => {
    client.send(text)
    expect(await client.next('error')).toMatchObject({ code: 'bad_frame', retryable: false })
  })

  test('the tenth bad frame in a minute closes with 4400', async () => {
    for (let i = 0; i < 10; i += 1) client.send('{')
    expect(await client.closed).toEqual({ code: 4400, reason: 'badProtocol' })
    expect(client.frames.filter(({ type }) => type === 'error')).toHaveLength(10)
  })

  test('bad fields are refused, and do not count towards that', async () => {
    for (let i = 0; i < 20; i += 1) client.send({ type: 'joinRoom', roomId: 'x', ref: `${i}` })
    client.send({ type: 'joinRooms', rooms: [] })
    const tooMany = Array.from({ length: DEFAULT_LIMITS.maxRoomsPerJoin + 1 }, () => ({ roomId: newId() }))
    client.send({ type: 'joinRooms', rooms: tooMany })
    client.send({ type: 'heartbeat' })
    await client.next('heartbeatAck')
    const errors = client.frames.filter(({ type }) => type === 'error')
    expect(errors).toHaveLength(22)
    expect(errors[3]).toMatchObject({ code: 'validation_failed', ref: '3', retryable: false })
  })

  test('more frames a second than a socket may send close with 4429', async () => {
    for (let i = 0; i < 150; i += 1) client.send({ type: 'heartbeat' })
    expect(await client.closed).toEqual({ code: 4429, reason: 'limitExceeded' })
    expect(client.frames.filter(({ type }) => type === 'heartbeatAck').length).toBeLessThan(150)
  })

  test('pings and pongs are frames as well', async () => {
    for (let i = 0; i < 40; i += 1) client.socket.ping()
    for (let i = 0; i < 100; i += 1) client.socket.pong()
    expect(await client.closed).toEqual({ code: 4429, reason: 'limitExceeded' })
  })

  test('a binary frame closes with 1003', async () => {
    client.socket.send(Buffer.from('{"type":"heartbeat"}'))
    expect(await client.closed).toMatchObject({ code: 1003 })
  })

  test('a frame above the limit closes with 1009', async () => {
    client.send(`{"type":"heartbeat","padding":"${'x'.repeat(32_768)}"}`)
    expect(await client.closed).toMatchObject({ code: 1009 })
  })

  test('bytes that are no UTF-8 close with 1007', async () => {
    client.socket.send(Buffer.from([0xff, 0xfe]), { binary: false })
    expect(await client.closed).toMatchObject({ code: 1007 })
  })

  describe('fragments', () => {
    const send = (count: number) => {
      const text = `{"type":"heartbeat","ref":"${count}"}`.padEnd(count, ' ')
      const size = Math.ceil(text.length / count)
      for (let at = 0; at < text.length; at += size) {
        client.socket.send(text.slice(at, at + size), { fin: at + size >= text.length })
      }
    }

    test('up to 64 are one message', async () => {
      send(64)
      expect(await client.next('heartbeatAck')).toMatchObject({ ref: '64' })
    })

    test('more close the socket', async () => {
      send(65)
      expect(await client.closed).toMatchObject({ code: 1008 })
    })

    test('16,000 of one byte from each of 40 peers are not kept', async () => {
      const peers = await Promise.all(
        Array.from({ length: 40 }, async () => edge.client(await world.newUser())),
      )
      // Never the last: what is kept would be kept for good. A ping in between is answered where the socket is still open.
      const mask = [1, 2, 3, 4] as const
      const fragment = (opcode: number) => [opcode, 0x81, ...mask, 0x20 ^ mask[0]]
      const [text, continued, ping] = [1, 0, 0x89] as const
      const fragments = Array.from({ length: 16_000 }, (_, i) => fragment(i === 0 ? text : continued))
      const bytes = Buffer.from([...fragments, [ping, 0x80, ...mask]].flat())
      const before = memoryInUse()
      const ends = peers.map(async ({ socket, closed }) => {
        const answered = new Promise((resolve) => socket.once('pong', resolve))
        ;(socket as unknown as { readonly _socket: Socket })._socket.write(bytes)
        return Promise.race([closed, answered])
      })
      for (const end of await Promise.all(ends)) expect(end).toMatchObject({ code: 1008 })
      expect(memoryInUse() - before).toBeLessThan(16 * 1024 * 1024)
    })
  })

  test('are bounded by what the running server says of itself', () => {
    expect(edge.app.websocketServer.options).toMatchObject({
      maxPayload: 32_768,
      maxFragments: 64,
      perMessageDeflate: false,
    })
  })

  test('compression is not offered', () => {
    expect(client.socket.extensions).toBe('')
  })
})
