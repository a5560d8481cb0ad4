import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

/** Of RFC 6455, 5.2. */
export const OPCODES = {
  continuation: 0x0,
  text: 0x1,
  binary: 0x2,
  close: 0x8,
  ping: 0x9,
  pong: 0xa,
} as const
const SHORT_LENGTH_MAX = 125
const LENGTH_IN_2 = 126
const LENGTH_IN_8 = 127
const MASK = Buffer.from([0x5a, 0x3c, 0x71, 0x96])
const END_OF_HEAD = '\r\n\r\n'
const PATIENCE_MS = 10_000

export interface FrameParts {
  readonly fin?: boolean
  /** RSV1 to RSV3 as a number of three bits. */
  readonly rsv?: number
  readonly opcode?: number
  readonly masked?: boolean
  /** What the length is written in; default: the least that holds it. */
  readonly lengthIn?: 2 | 8
  /** The length that is told; default: the payload's. */
  readonly claimed?: bigint
}

/** One frame of a client, any part of which may break a rule; by default a whole text message. */
export function rawFrame(payload: string | Buffer, parts: FrameParts = {}): Buffer {
  const { fin = true, rsv = 0, opcode = OPCODES.text, masked = true } = parts
  const data = Buffer.from(payload)
  const first = (fin ? 0x80 : 0) | (rsv << 4) | opcode
  const [short, extended] = lengthOf(parts.claimed ?? BigInt(data.length), parts.lengthIn)
  const head = Buffer.from([first, (masked ? 0x80 : 0) | short])
  return Buffer.concat([head, extended, ...(masked ? [MASK, data.map(maskedByte)] : [data])])
}

function maskedByte(byte: number, at: number): number {
  return byte ^ (MASK[at % MASK.length] ?? 0)
}

function lengthOf(length: bigint, lengthIn?: 2 | 8): readonly [short: number, extended: Buffer] {
  if (lengthIn === undefined && length <= SHORT_LENGTH_MAX) return [Number(length), Buffer.alloc(0)]
  if (lengthIn === 2 || (lengthIn === undefined && length < 2 ** 16)) {
    const extended = Buffer.alloc(2)
    extended.writeUInt16BE(Number(length))
    return [LENGTH_IN_2, extended]
  }
  const extended = Buffer.alloc(8)
  extended.writeBigUInt64BE(length)
  return [LENGTH_IN_8, extended]
}

/** The message cut into these pieces. */
export function fragments(pieces: readonly (string | Buffer)[], opcode: number = OPCODES.text): Buffer[] {
  return pieces.map((piece, i) =>
    rawFrame(piece, { opcode: i === 0 ? opcode : OPCODES.continuation, fin: i === pieces.length - 1 }),
  )
}

export function closeFrame(code: number, reason: string | Buffer = '', parts: FrameParts = {}): Buffer {
  const payload = Buffer.concat([Buffer.alloc(2), Buffer.from(reason)])
  payload.writeUInt16BE(code)
  return rawFrame(payload, { opcode: OPCODES.close, ...parts })
}

/** Headers by name, and the lines that are none or come twice. */
export type RequestParts = Readonly<Record<string, string | undefined>> & {
  readonly request?: string
  readonly more?: string
}

/** A connection whose every byte is written by hand. */
export class RawSocket implements Disposable {
  readonly #socket: Socket
  #received = Buffer.alloc(0)
  #ended = false

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.on('data', (chunk) => {
      this.#received = Buffer.concat([this.#received, chunk])
    })
    // A server that cuts what it refuses is as good as one that ends it.
    socket.on('error', () => undefined)
    socket.on('close', () => {
      this.#ended = true
    })
  }

  static async open(port: number): Promise<RawSocket> {
    const socket = connect(port, '127.0.0.1')
    await once(socket, 'connect')
    return new RawSocket(socket)
  }

  /** A request that is upgraded, unless a line is changed: undefined leaves it out. */
  static handshake(token: string, changed: RequestParts = {}): string {
    const { request = 'GET /ws HTTP/1.1', more, ...others } = changed
    const headers: RequestParts = {
      Host: 'localhost',
      Connection: 'Upgrade',
      Upgrade: 'websocket',
      'Sec-WebSocket-Version': '13',
      // The RFC's own, whose answer it tells.
      'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
      'Sec-WebSocket-Protocol': `roomlog.v1, bearer.${token}`,
      ...others,
    }
    const lines = Object.entries(headers).flatMap(([name, value]) =>
      value === undefined ? [] : [`${name}: ${value}`],
    )
    return [request, ...lines, ...(more === undefined ? [] : [more])].join('\r\n') + END_OF_HEAD
  }

  write(bytes: string | Buffer): void {
    if (this.#socket.writable) this.#socket.write(bytes)
  }

  /** The head of an answer, without its end; what there is when the connection ends before. */
  async head(): Promise<string> {
    await this.#until(() => this.#received.includes(END_OF_HEAD))
    const end = this.#received.indexOf(END_OF_HEAD)
    const head = this.#received.subarray(0, end < 0 ? undefined : end).toString('latin1')
    this.#received = this.#received.subarray(end < 0 ? this.#received.length : end + END_OF_HEAD.length)
    return head
  }

  /** All that is left, once the server has ended the connection. */
  async rest(): Promise<string> {
    await this.#until(() => false)
    return this.#received.toString('latin1')
  }

  /**
   * What the server says, as `close 1002`, `pong hi`, `welcome` or `heartbeatAck ref`, up to `last` or the connection's end:
   * `end`. A close is answered as it should be.
   */
  async answers(last: string): Promise<readonly string[]> {
    const said: string[] = []
    while (said.at(-1) !== last) {
      const frame = await this.#frame()
      if (frame === undefined) return [...said, 'end']
      said.push(told(frame))
      if (frame.opcode === OPCODES.close) this.write(rawFrame(frame.payload, { opcode: OPCODES.close }))
    }
    return said
  }

  /** Undefined at the connection's end. */
  async #frame(): Promise<Frame | undefined> {
    await this.#until(() => frameAt(this.#received) !== undefined)
    const frame = frameAt(this.#received)
    if (frame !== undefined) this.#received = this.#received.subarray(frame.size)
    return frame
  }

  async #until(isThere: () => boolean): Promise<void> {
    const signal = AbortSignal.timeout(PATIENCE_MS)
    while (!isThere() && !this.#ended) {
      await Promise.race([once(this.#socket, 'data', { signal }), once(this.#socket, 'close', { signal })])
    }
  }

  [Symbol.dispose](): void {
    this.#socket.destroy()
  }
}

interface Frame {
  readonly opcode: number
  readonly payload: Buffer
  /** With its head. */
  readonly size: number
}

/** The server's frame that the bytes begin with; undefined when they do not hold all of it. */
function frameAt(bytes: Buffer): Frame | undefined {
  const [first, second] = bytes
  if (first === undefined || second === undefined) return undefined
  const head = second === LENGTH_IN_8 ? 10 : second === LENGTH_IN_2 ? 4 : 2
  if (bytes.length < head) return undefined
  const length = head === 2 ? second : head === 4 ? bytes.readUInt16BE(2) : Number(bytes.readBigUInt64BE(2))
  if (bytes.length < head + length) return undefined
  return { opcode: first & 0x0f, payload: bytes.subarray(head, head + length), size: head + length }
}

function told({ opcode, payload }: Frame): string {
  if (opcode === OPCODES.close) return `close ${payload.length < 2 ? '' : payload.readUInt16BE()}`.trim()
  if (opcode === OPCODES.pong) return `pong ${payload}`.trim()
  const { type, ref, code } = JSON.parse(String(payload))
  return [type, code, ref].filter((part) => part !== undefined).join(' ')
}
