import websocket from '@fastify/websocket'
import { DEFAULT_LIMITS } from '@roomlog/protocol'
import { createMetrics } from '@roomlog/service-kit'
import { testClient } from '@roomlog/testkit'
import { memoryInUse } from '@roomlog/testkit/memory-in-use'
import Fastify, { type FastifyInstance } from 'fastify'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createEdgeMetrics } from '../metrics.ts'
import { accept, beforeUpgrade, chooseSubprotocol } from './accept.ts'
import { Connections } from './connections.ts'

let app: FastifyInstance
const connections = new Connections(20)
/** Of every handshake. */
const exchanges: WeakRef<object>[] = []

beforeAll(async () => {
  app = Fastify()
  app.decorate('identify', () => ({ userId: 'user', sessionId: 'session', expiresAtMs: Date.now() + 60_000 }))
  await app.register(websocket, { options: { handleProtocols: chooseSubprotocol } })
  const handler = accept({
    connections,
    limits: DEFAULT_LIMITS,
    epoch: () => 'epoch',
    isDraining: () => false,
    onFrame: (connection, text) => {
      if (text === 'fault') throw new TypeError('a fault of ours')
      connection.send({ type: 'heartbeatAck', ref: text })
    },
    onOpen: () => undefined,
    onClose: () => undefined,
    metrics: createEdgeMetrics(createMetrics(), {
      connections: () => 0,
      rooms: () => 0,
      pendingAppends: () => 0,
    }),
    log: app.log,
  })
  app.addHook('onRequest', async (request, reply) => {
    exchanges.push(...[request, request.raw, reply.raw].map((it) => new WeakRef(it)))
  })
  app.get('/ws', { websocket: true, preHandler: beforeUpgrade }, handler)
  await app.listen({ host: '127.0.0.1', port: 0 })
})
afterAll(async () => {
  connections.stop()
  await app.close()
})

test('a frame that cannot be handled ends its socket, and no other', async () => {
  const url = `${app.listeningOrigin.replace('http', 'ws')}/ws`
  await using other = await testClient(url, { token: 'token' })
  const client = await testClient(url, { token: 'token' })
  client.send('fault')
  expect(await client.closed).toEqual({ code: 1011, reason: 'internal' })
  other.send('still here')
  expect(await other.next('heartbeatAck')).toMatchObject({ ref: 'still here' })
})

test('a socket holds neither its request nor the answer to it', async () => {
  await using client = await testClient(`${app.listeningOrigin.replace('http', 'ws')}/ws`, { token: 'token' })
  await client.next('welcome')
  const held = () => {
    memoryInUse()
    return exchanges.filter((it) => it.deref() !== undefined).length
  }
  await expect.poll(held).toBe(0)
  client.send('still here')
  expect(await client.next('heartbeatAck')).toMatchObject({ ref: 'still here' })
})
