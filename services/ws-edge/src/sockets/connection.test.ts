import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { newId } from '@roomlog/protocol'
import { memoryInUse } from '@roomlog/testkit/memory-in-use'
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import { Connection, encodeFrame } from './connection.ts'
import { wireFrame } from './wire-frame.ts'

const MIB = 1024 * 1024
const hour = () => Date.now() + 3_600_000

let server: WebSocketServer
const clients: WebSocket[] = []

beforeAll(async () => {
  server = new WebSocketServer({ port: 0, host: '127.0.0.1' })
  await once(server, 'listening')
})
afterEach(() => {
  for (const client of clients.splice(0)) client.terminate()
})
afterAll(() => {
  server.close()
})

/** Both ends of a real socket. */
async function pair(expiresAtMs = hour()) {
  const accepted = once(server, 'connection') as Promise<[WebSocket, IncomingMessage]>
  const client = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`)
  clients.push(client)
  const [ws, request] = await accepted
  const identity = { userId: 'user', sessionId: 'session', expiresAtMs }
  const by = { reqId: 'request', ip: '127.0.0.1', userId: 'user' }
  const connection = new Connection(ws, request.socket, { id: 'id', by, identity, framesPerSecond: 100 })
  if (client.readyState !== WebSocket.OPEN) await once(client, 'open')
  const closed = once(client, 'close').then(([code]) => code as number)
  const tcp = (client as unknown as { readonly _socket: Socket })._socket
  return { connection, client, closed, tcp, ws, served: request.socket }
}

const messageFrame = (body: string) => {
  const ids = { id: newId(), roomId: newId(), senderId: newId(), clientMsgId: newId() }
  const message = { ...ids, seq: 1, kind: 'message', body, createdAt: new Date().toISOString() } as const
  return encodeFrame({ type: 'newMessage', message })
}

/** As the edge's timer looks, at this many milliseconds from now. */
const lookIn = (connection: Connection, ms: number) => connection.check(performance.now() + ms)

test('a silent socket is closed after 45 s; any sign of life puts it off', async () => {
  const { connection, closed } = await pair()
  lookIn(connection, 44_000)
  expect(connection.isOpen).toBe(true)
  lookIn(connection, 45_100)
  expect(await closed).toBe(4409)
})

test('a socket ends with its token', async () => {
  const { connection, closed } = await pair(Date.now() - 1)
  lookIn(connection, 0)
  expect(await closed).toBe(4401)
})

test('a socket whose client reads nothing for 10 s is closed', async () => {
  const { connection, closed, tcp } = await pair()
  tcp.pause()
  while (connection.unsentBytes === 0) {
    connection.write([wireFrame(Buffer.alloc(256 * 1024, 'x'))])
    await new Promise(setImmediate)
  }
  lookIn(connection, 0)
  lookIn(connection, 9_900)
  expect(connection.isOpen).toBe(true)
  lookIn(connection, 10_100)
  expect(connection.isOpen).toBe(false)
  tcp.resume()
  expect(await closed).toBe(4408)
})

test('more than 1 MiB unsent closes at once; hints are not even written to a socket that is behind', async () => {
  const { connection, closed, tcp } = await pair()
  tcp.pause()
  while (connection.isOpen) connection.write([wireFrame(Buffer.alloc(128 * 1024, 'x'))])
  expect(connection.unsentBytes).toBeLessThan(2 * MIB)
  tcp.resume()
  expect(await closed).toBe(4408)

  const other = await pair()
  other.tcp.pause()
  while (other.connection.unsentBytes <= 256 * 1024) {
    other.connection.write([wireFrame(Buffer.alloc(64 * 1024, 'x'))])
    await new Promise(setImmediate)
  }
  const before = other.connection.unsentBytes
  other.connection.sendHint(encodeFrame({ type: 'presence', userId: 'user', online: true }))
  expect(other.connection.unsentBytes).toBe(before)
})

test('what waits for a client that does not read takes little more memory than its bytes', async () => {
  const [stuck, other] = [await pair(), await pair()]
  stuck.tcp.pause()
  while (stuck.connection.unsentBytes === 0) {
    stuck.connection.write([messageFrame('x'.repeat(100_000))])
    await new Promise(setImmediate)
  }
  const before = { unsent: stuck.connection.unsentBytes, held: memoryInUse() }
  for (let i = 0; i < 2_000; i += 1) {
    stuck.connection.write([messageFrame('hello')])
    // Meanwhile others are written to, who read.
    for (let k = 0; k < 20; k += 1) {
      other.connection.write([messageFrame('hello')])
    }
    if (i % 100 === 0) await expect.poll(() => other.connection.unsentBytes).toBe(0)
  }
  await expect.poll(() => other.connection.unsentBytes).toBe(0)
  const waits = stuck.connection.unsentBytes - before.unsent
  expect(waits).toBeGreaterThan(0.4 * MIB)
  // Twice at most, and what the engine makes meanwhile for itself; slices of a pool would hold 24 times as much.
  expect(memoryInUse() - before.held).toBeLessThan(8 * waits)
})

test('what is read in the end is all that was written, in order', async () => {
  const { connection, client } = await pair()
  const texts: string[] = []
  client.on('message', (data) => texts.push(String(data)))
  connection.write(['1', '2', '3'].map((text) => wireFrame(Buffer.from(text))))
  connection.send({ type: 'heartbeatAck' })
  connection.write([wireFrame(Buffer.from('4'))])
  await expect.poll(() => texts).toEqual(['1', '2', '3', '{"type":"heartbeatAck"}', '4'])
})

test('what is written within a turn leaves at its end, by one call', async () => {
  const { connection, client, served } = await pair()
  const texts: string[] = []
  client.on('message', (data) => texts.push(String(data)))
  const [one, several] = [vi.spyOn(served, '_write'), vi.spyOn(served, '_writev')]
  for (const text of ['1', '2', '3']) connection.write([wireFrame(Buffer.from(text))])
  queueMicrotask(() => connection.send({ type: 'heartbeatAck' }))
  await Promise.resolve()
  expect([one, several].map(({ mock }) => mock.calls.length)).toEqual([0, 0])
  expect(connection.unsentBytes).toBe(3 * 3 + 25)
  await new Promise(setImmediate)
  expect([one, several].map(({ mock }) => mock.calls.length)).toEqual([0, 1])
  expect(connection.unsentBytes).toBe(0)
  await expect.poll(() => texts).toEqual(['1', '2', '3', '{"type":"heartbeatAck"}'])
})

test('more than 64 KiB do not wait for the end of a turn', async () => {
  const { connection, served } = await pair()
  const several = vi.spyOn(served, '_writev')
  const frame = wireFrame(Buffer.alloc(40 * 1024, 'x'))
  connection.write([frame])
  expect(several.mock.calls.length).toBe(0)
  connection.write([frame])
  expect(several.mock.calls.length).toBe(1)
})

test('what a process that stood still had not written yet is not written any more: the client starts anew', async () => {
  const { connection, client, closed } = await pair()
  const texts: string[] = []
  client.on('message', (data) => texts.push(String(data)))
  const startedAtMs = performance.now()
  connection.send({ type: 'heartbeatAck' })
  const now = vi.spyOn(performance, 'now').mockReturnValue(startedAtMs + 10_000)
  connection.endTurn()
  now.mockRestore()
  expect(await closed).toBe(1012)
  expect(texts).toEqual([])
})

test('what was written before a close is read before it', async () => {
  const { connection, client, closed } = await pair()
  const texts: string[] = []
  client.on('message', (data) => texts.push(String(data)))
  connection.send({ type: 'heartbeatAck' })
  connection.close('restart')
  expect(await closed).toBe(1012)
  expect(texts).toEqual(['{"type":"heartbeatAck"}'])
})

test('nothing follows the close of who broke the protocol', async () => {
  const { connection, closed, ws, served } = await pair()
  connection.send({ type: 'heartbeatAck' })
  // As `ws` does by itself.
  ws.close(1002)
  const written = vi.spyOn(served, 'write')
  expect(await closed).toBe(1002)
  expect(written).not.toHaveBeenCalled()
})

test.each([0, 1, 125, 126, 65_535, 65_536, 300_000])(
  'a frame of %i bytes is read as it was',
  async (bytes) => {
    const { connection, client } = await pair()
    const read = once(client, 'message') as Promise<[Buffer, boolean]>
    const payload = Buffer.alloc(bytes, 'x')
    connection.write([wireFrame(payload)])
    const [data, isBinary] = await read
    expect([data.equals(payload), isBinary]).toEqual([true, false])
  },
)

test('a socket that is to be closed has its sends answered first', async () => {
  const { connection, closed } = await pair()
  connection.sendTaken()
  connection.sendTaken()
  connection.closeWhenAnswered('restart')
  connection.sendAnswered()
  expect(connection.isOpen).toBe(true)
  connection.sendAnswered()
  expect(await closed).toBe(1012)
})

test('the tenth bad frame closes', async () => {
  const { connection, closed } = await pair()
  for (let i = 0; i < 9; i += 1) connection.badFrame()
  expect(connection.isOpen).toBe(true)
  connection.badFrame()
  expect(await closed).toBe(4400)
})
