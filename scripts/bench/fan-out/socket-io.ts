import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Message } from '@roomlog/protocol'
import { Server } from 'socket.io'
import { Readers } from './crowd.ts'

const ROOM = 'room'
const EVENT = 'newMessage'
const PATH = '/socket.io/?EIO=4&transport=websocket'
/** The packet that joins the main namespace (Engine.IO `message`, Socket.IO `CONNECT`). */
const CONNECT = '40'
/** Longer than a bench: its readers answer nothing. */
const PING_INTERVAL_MS = 3_600_000

/** A room of socket.io, as its documentation has it, on WebSocket alone. */
export class SocketIoRoom implements AsyncDisposable {
  readonly readers: Readers
  readonly #io: Server

  private constructor(io: Server, readers: Readers) {
    this.#io = io
    this.readers = readers
  }

  static async open(size: number): Promise<SocketIoRoom> {
    const server = createServer()
    const io = new Server(server, {
      transports: ['websocket'],
      pingInterval: PING_INTERVAL_MS,
      serveClient: false,
    })
    const joined = Promise.withResolvers<void>()
    let members = 0
    io.on('connection', (socket) => {
      void socket.join(ROOM)
      members += 1
      if (members === size) joined.resolve()
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const readers = await Readers.open({ port, path: PATH, size, hello: CONNECT })
    await joined.promise
    await readers.settle()
    return new SocketIoRoom(io, readers)
  }

  /** Returns how many bytes each reader gets of it. */
  emit(message: Message): number {
    this.#io.to(ROOM).emit(EVENT, message)
    const { length } = Buffer.from(`42${JSON.stringify([EVENT, message])}`)
    return length + (length < 126 ? 2 : 4)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.readers[Symbol.asyncDispose]()
    await this.#io.close()
  }
}
