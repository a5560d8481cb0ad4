import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type WebSocket, WebSocketServer } from 'ws'
import { testClient } from './ws-client.ts'

describe('testClient', () => {
  const http = createServer()
  const sockets = new WebSocketServer({ noServer: true })
  const accepted: { socket: WebSocket; protocols: string | undefined; origin: string | undefined }[] = []
  let url = ''

  beforeAll(async () => {
    http.on('upgrade', (request, stream, head) => {
      if (request.url === '/refused') {
        stream.end('HTTP/1.1 403 Forbidden\r\n\r\n')
        return
      }
      sockets.handleUpgrade(request, stream, head, (socket) => {
        const { origin, 'sec-websocket-protocol': protocols } = request.headers
        accepted.push({ socket, protocols, origin })
        for (const n of [1, 2, 3]) socket.send(JSON.stringify({ type: 'count', n }))
        socket.on('message', (data) => socket.send(String(data)))
      })
    })
    http.listen(0, '127.0.0.1')
    await once(http, 'listening')
    url = `ws://127.0.0.1:${(http.address() as AddressInfo).port}`
  })

  afterAll(() => {
    http.close()
  })

  test('offers the token as a second subprotocol and sends the origin', async () => {
    await using _client = await testClient(url, { token: 'a.b.c', origin: 'http://page.test' })
    expect(accepted.at(-1)).toMatchObject({
      protocols: 'roomlog.v1,bearer.a.b.c',
      origin: 'http://page.test',
    })
  })

  test('keeps every frame in order, also those sent with the handshake', async () => {
    await using client = await testClient(url)
    client.send({ type: 'last' })
    await client.next('last')
    expect(client.frames).toEqual(
      [1, 2, 3].map((n) => ({ type: 'count', n })).concat({ type: 'last' } as never),
    )
  })

  test('hands each frame to one next(), those received earlier too', async () => {
    await using client = await testClient(url)
    client.send({ type: 'last' })
    await client.next('last')
    expect(await client.next((frame) => frame.n === 2)).toEqual({ type: 'count', n: 2 })
    expect(await client.next('count')).toEqual({ type: 'count', n: 1 })
    expect(await client.next('count')).toEqual({ type: 'count', n: 3 })
    await expect(client.next('count', 1)).rejects.toThrow('1 ms passed before the awaited frame')
  })

  test('gives each of several waiters its own frame', async () => {
    await using client = await testClient(url)
    const waiters = [client.next('echo'), client.next('echo')]
    client.send({ type: 'echo', n: 1 })
    client.send('{"type":"echo","n":2}')
    expect(await Promise.all(waiters)).toEqual([1, 2].map((n) => ({ type: 'echo', n })))
  })

  test('tells how the socket closed, and ends the waiters', async () => {
    await using client = await testClient(url)
    const waiter = client.next('never')
    accepted.at(-1)?.socket.close(4401, 'expired')
    await expect(waiter).rejects.toThrow('closed with 4401 expired before')
    expect(await client.closed).toEqual({ code: 4401, reason: 'expired' })
    await expect(client.next('never')).rejects.toThrow('closed with 4401')
  })

  test('closes in order, and drops without a close frame', async () => {
    const polite = await testClient(url)
    expect(await polite.close()).toEqual({ code: 1000, reason: '' })
    const rude = await testClient(url)
    rude.terminate()
    expect(await rude.closed).toEqual({ code: 1006, reason: '' })
  })

  test('rejects with the status of a refused handshake', async () => {
    await expect(testClient(`${url}/refused`)).rejects.toMatchObject({
      code: 'handshake_refused',
      status: 403,
    })
  })
})
