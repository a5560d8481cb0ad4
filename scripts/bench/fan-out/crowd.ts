import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { type WebSocket, WebSocketServer } from 'ws'
import { Child } from '../child.ts'
import type { ReadersOptions, ReadersOrder } from './readers.ts'

/** Readers in a process of their own: what this process uses is what it costs to serve them. */
export class Readers implements AsyncDisposable {
  readonly #child = new Child<ReadersOrder>(new URL('./readers.ts', import.meta.url))
  #expected = 0

  /** Connected to a server of this process. */
  static async open(options: ReadersOptions): Promise<Readers> {
    const readers = new Readers()
    await readers.#child.ask({ do: 'open', options })
    return readers
  }

  /** Resolves once they hear nothing more; `received` counts from then on. */
  async settle(): Promise<void> {
    await this.#child.ask({ do: 'settle' })
    this.#expected = 0
  }

  /** Resolves once they have got so many more bytes, all together. */
  async received(bytes: number): Promise<void> {
    this.#expected += bytes
    await this.#child.ask({ do: 'expect', bytes: this.#expected })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#child[Symbol.asyncDispose]()
  }
}

export interface ServedSocket {
  readonly ws: WebSocket
  readonly tcp: Socket
}

/** Sockets of `ws`, as a service accepts them, with readers at their other ends. */
export class Crowd implements AsyncDisposable {
  readonly sockets: readonly ServedSocket[]
  readonly readers: Readers
  readonly #server: Server

  private constructor(server: Server, readers: Readers, sockets: readonly ServedSocket[]) {
    this.#server = server
    this.readers = readers
    this.sockets = sockets
  }

  static async open(size: number): Promise<Crowd> {
    const sockets: ServedSocket[] = []
    const upgrades = new WebSocketServer({ noServer: true, perMessageDeflate: false, clientTracking: false })
    const server = createServer()
    server.on('upgrade', (request, _stream, head) => {
      const { socket: tcp } = request
      upgrades.handleUpgrade(request, tcp, head, (ws) => sockets.push({ ws, tcp }))
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const readers = await Readers.open({ port, path: '/', size })
    return new Crowd(server, readers, sockets)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.readers[Symbol.asyncDispose]()
    for (const { ws } of this.sockets) ws.terminate()
    this.#server.close()
    await once(this.#server, 'close')
  }
}
