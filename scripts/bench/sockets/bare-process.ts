/** The least that a server of WebSockets is: `ws` alone, asked over IPC for the memory that it holds. */
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { memoryInUse } from '@roomlog/testkit/memory-in-use'
import { WebSocketServer } from 'ws'

const server = new WebSocketServer({
  host: '127.0.0.1',
  port: 0,
  backlog: 511,
  perMessageDeflate: false,
  clientTracking: false,
})
server.on('connection', (ws) => ws.on('error', ignore).on('message', ignore))
function ignore(): void {}

await once(server, 'listening')
process.on('message', () => {
  memoryInUse()
  process.send?.(process.memoryUsage.rss())
})
process.on('disconnect', () => process.exit())
process.send?.((server.address() as AddressInfo).port)
