import { connect, type Socket } from 'node:net'
import { END_OF_HEAD, protocolHeader, UPGRADED, upgradeRequest } from '../../raw-websocket.ts'

const LENGTH_IN_2 = 126
const LENGTH_IN_8 = 127
const PING = 0x9
const CLOSE = 0x8
const PONG = Buffer.from([0x8a, 0x80, 0, 0, 0, 0])

export interface LightSocketEvents {
  readonly opened: (socket: LightSocket) => void
  /** The payload of a text message is `bytes` from `from` to `to`. */
  readonly frame: (socket: LightSocket, bytes: Buffer, from: number, to: number) => void
  /** Not told of one that was closed from here. */
  readonly lost: (socket: LightSocket, why: string) => void
}

/** A WebSocket on raw TCP that leaves what it hears as bytes: it has to cost less than the server that it loads. */
export class LightSocket {
  readonly index: number
  readonly #tcp: Socket
  readonly #events: LightSocketEvents
  #rest: Buffer | undefined
  #isUpgraded = false

  /** `localAddress`: that it comes from; default: any. */
  constructor(
    index: number,
    url: URL,
    token: string | undefined,
    events: LightSocketEvents,
    localAddress?: string,
  ) {
    this.index = index
    this.#events = events
    const from = localAddress === undefined ? {} : { localAddress }
    this.#tcp = connect({ host: url.hostname, port: Number(url.port), noDelay: true, ...from })
    this.#tcp.on('error', () => undefined)
    this.#tcp.on('connect', () => this.#tcp.write(upgradeRequest(url, [protocolHeader(token)])))
    this.#tcp.on('data', (data) => this.#heard(data))
    this.#tcp.on('close', () => events.lost(this, 'the connection was lost'))
  }

  write(frame: Buffer): void {
    this.#tcp.write(frame)
  }

  /** Reads nothing from now on. */
  pause(): void {
    this.#tcp.pause()
  }

  /** Without a word, as when a client's network is gone. */
  cut(): void {
    this.#tcp.removeAllListeners('close').resetAndDestroy()
  }

  #heard(data: Buffer): void {
    const bytes = this.#rest === undefined ? data : Buffer.concat([this.#rest, data])
    const at = this.#isUpgraded ? this.#frames(bytes, 0) : this.#head(bytes)
    this.#rest = at < bytes.length ? bytes.subarray(at) : undefined
  }

  /** Answers how far it came, as `#frames` does. */
  #head(bytes: Buffer): number {
    const end = bytes.indexOf(END_OF_HEAD)
    if (end < 0) return 0
    const head = bytes.toString('latin1', 0, end)
    if (!head.startsWith(UPGRADED)) {
      this.cut()
      this.#events.lost(this, head.slice(0, 200))
      return bytes.length
    }
    this.#isUpgraded = true
    this.#events.opened(this)
    return this.#frames(bytes, end + END_OF_HEAD.length)
  }

  #frames(bytes: Buffer, from: number): number {
    let at = from
    for (;;) {
      let payload = at + 2
      if (payload > bytes.length) return at
      let length = (bytes[at + 1] ?? 0) & 0x7f
      if (length === LENGTH_IN_2) payload += 2
      else if (length === LENGTH_IN_8) payload += 8
      if (payload > bytes.length) return at
      if (length === LENGTH_IN_2) length = bytes.readUInt16BE(at + 2)
      else if (length === LENGTH_IN_8) length = Number(bytes.readBigUInt64BE(at + 2))
      if (payload + length > bytes.length) return at
      this.#message((bytes[at] ?? 0) & 0xf, bytes, payload, payload + length)
      at = payload + length
    }
  }

  #message(opcode: number, bytes: Buffer, from: number, to: number): void {
    if (opcode === PING) this.write(PONG)
    else if (opcode === CLOSE) {
      this.cut()
      this.#events.lost(this, `closed: ${to - from < 2 ? 'no code' : bytes.readUInt16BE(from)}`)
    } else this.#events.frame(this, bytes, from, to)
  }
}
