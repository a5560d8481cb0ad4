import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { DEFAULT_LIMITS, SUBPROTOCOL, WS_PATH } from '@roomlog/protocol/wire'
import { type WebSocket, WebSocketServer } from 'ws'
import type { ModelServer } from './model-server.ts'

const TICK_MS = 10

export interface ModelOnWire extends AsyncDisposable {
  /** As the api's. */
  readonly url: string
  /** Cuts every connection, without a word. */
  cut(): void
}

/** A model server behind HTTP and WebSockets of this machine, with time that passes as it does, and all stored at once. */
export async function modelOnWire(model: ModelServer): Promise<ModelOnWire> {
  const http = createServer(async (request, reply) => {
    const { status, text: body } = await answerTo(request)
    reply.writeHead(status).end(await body())
  })
  const sockets = new WebSocketServer({ server: http, path: WS_PATH, handleProtocols: () => SUBPROTOCOL })
  sockets.on('connection', (wire, request) => carry(wire, request))
  await once(http.listen(0, '127.0.0.1'), 'listening')
  const host = `127.0.0.1:${(http.address() as AddressInfo).port}`

  const answerTo = async (request: IncomingMessage) => {
    if (request.url === '/config') {
      const config = { wsUrls: [`ws://${host}${WS_PATH}`], limits: DEFAULT_LIMITS }
      return { status: 200, text: async () => JSON.stringify(config) }
    }
    const body = await text(request)
    return model.fetch(`http://${host}${request.url}`, {
      ...{ method: request.method ?? '', headers: request.headers as Record<string, string> },
      ...{ ...(body !== '' && { body }), signal: AbortSignal.abort() },
      ...{ cache: 'no-store', credentials: 'omit' },
    })
  }
  const carry = (wire: WebSocket, { headers }: IncomingMessage) => {
    const socket = new model.WebSocket('ws://edge/ws', (headers['sec-websocket-protocol'] ?? '').split(/, ?/))
    socket.addEventListener('message', ({ data }) => wire.send(String(data)))
    socket.addEventListener('close', ({ code }) => wire.close(code))
    wire.on('message', (data) => socket.send(String(data)))
    wire.on('close', () => socket.close())
  }

  const ended = new AbortController()
  const passing = (async () => {
    while (!ended.signal.aborted) {
      await model.time.pass(TICK_MS)
      model.persist()
      await sleep(TICK_MS)
    }
  })()
  const cut = () => {
    for (const wire of sockets.clients) wire.terminate()
  }
  return {
    url: `http://${host}`,
    cut,
    [Symbol.asyncDispose]: async () => {
      ended.abort()
      await passing
      cut()
      http.close()
      http.closeAllConnections()
      await once(http, 'close')
    },
  }
}
