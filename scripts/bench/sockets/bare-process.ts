/** The least that a server of WebSockets is: `ws` alone. */
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { memoryInUse } from '@roomlog/testkit/memory-in-use'
import { WebSocketServer } from 'ws'
import { answerOrders } from '../child.ts'

/** Answered with its port, and with its resident memory right after a collection of garbage. */
export type BareOrder = { readonly do: 'listen' | 'bytes' }

const options = { host: '127.0.0.1', port: 0, backlog: 511, perMessageDeflate: false, clientTracking: false }

async function listen(): Promise<number> {
  const server = new WebSocketServer(options)
  server.on('connection', (ws) => ws.on('error', ignore).on('message', ignore))
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

function ignore(): void {}

answerOrders<BareOrder>((order) => {
  if (order.do === 'listen') return listen()
  memoryInUse()
  return process.memoryUsage.rss()
})
