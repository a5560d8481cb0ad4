import { createConnection, type Socket } from 'node:net'

export interface RawClientOptions {
  readonly port: number
  readonly path: string
  /** As in `Name: value`, beside those of the handshake. */
  readonly headers?: readonly string[]
}

const AT_ONCE = 100
const BUFFER_BYTES = 64 * 1024
const END_OF_HEAD = '\r\n\r\n'
const MASK = [0x5a, 0x3c, 0x71, 0x96] as const

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
        if (end < 0 || !bytes.toString('latin1').startsWith('HTTP/1.1 101 ')) {
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
    const lines = [
      `GET ${path} HTTP/1.1`,
      'Host: 127.0.0.1',
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 13',
      `Sec-WebSocket-Key: ${Buffer.alloc(16).toString('base64')}`,
      ...headers,
    ]
    socket.write(lines.join('\r\n') + END_OF_HEAD)
  })
}

/** A text frame of less than 64 KiB as a client sends it (RFC 6455, 5.2). */
export function maskedText(text: string): Buffer {
  const payload = Buffer.from(text)
  const { length } = payload
  const head = length < 126 ? [0x81, 0x80 | length] : [0x81, 0x80 | 126, length >> 8, length & 0xff]
  for (const [index, byte] of payload.entries()) payload[index] = byte ^ (MASK[index % 4] ?? 0)
  return Buffer.concat([Buffer.from([...head, ...MASK]), payload])
}
