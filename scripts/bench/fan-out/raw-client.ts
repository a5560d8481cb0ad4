import { createConnection, type Socket } from 'node:net'
import { END_OF_HEAD, UPGRADED, upgradeRequest } from '../../raw-websocket.ts'

export interface RawClientOptions {
  readonly port: number
  /** With its query. */
  readonly path: string
  /** As in `Name: value`, beside those of the handshake. */
  readonly headers?: readonly string[]
}

const AT_ONCE = 100
const BUFFER_BYTES = 64 * 1024

/**
 * So many connected WebSockets without a WebSocket library: what clients do takes the processor from the server that is
 * measured. `onBytes` is given what comes after the handshake; the bytes are good until it returns.
 */
export async function openRawClients(
  size: number,
  options: RawClientOptions,
  onBytes: (bytes: Buffer, socket: Socket) => void,
): Promise<readonly Socket[]> {
  const sockets: Socket[] = []
  // One for all: each is read in turn.
  const buffer = Buffer.allocUnsafe(BUFFER_BYTES)
  while (sockets.length < size) {
    const missing = Math.min(AT_ONCE, size - sockets.length)
    sockets.push(
      ...(await Promise.all(Array.from({ length: missing }, () => open(options, buffer, onBytes)))),
    )
  }
  return sockets
}

function open(
  { port, path, headers = [] }: RawClientOptions,
  buffer: Buffer,
  onBytes: (bytes: Buffer, socket: Socket) => void,
): Promise<Socket> {
  return new Promise((resolve, reject) => {
    let isConnected = false
    const callback = (length: number) => {
      let bytes = buffer.subarray(0, length)
      if (!isConnected) {
        const end = bytes.indexOf(END_OF_HEAD)
        if (end < 0 || !bytes.toString('latin1').startsWith(UPGRADED)) {
          throw new Error(`a handshake was answered with ${bytes.toString('latin1', 0, 100)}`)
        }
        isConnected = true
        resolve(socket)
        bytes = bytes.subarray(end + END_OF_HEAD.length)
      }
      if (bytes.length > 0) onBytes(bytes, socket)
      return true
    }
    const socket = createConnection({ port, host: '127.0.0.1', noDelay: true, onread: { buffer, callback } })
    socket.on('error', reject)
    // Whoever waits for this process hears of its end.
    socket.on('close', () => process.exit(1))
    socket.write(upgradeRequest({ host: '127.0.0.1', pathname: path, search: '' }, headers))
  })
}
