import { LightSocket, type LightSocketEvents } from '../bench/path/light-socket.ts'
import { maskedText } from '../raw-websocket.ts'
import { ADDRESSES, addressOf, type Ground } from './attack.ts'

export interface PeerOptions {
  readonly index: number
  readonly token?: string | undefined
  readonly address?: string
  /** Until it comes first; default: at once. */
  readonly afterMs?: number
  /** Whether one that was lost comes again at once. */
  readonly comesAgain?: boolean
  readonly opened?: (peer: Peer) => void
  /** By the other end. */
  readonly ended?: () => void
  /** The payload of a text message, as it came. */
  readonly heard?: (text: string, peer: Peer) => void
}

/** An attacker's WebSocket; what ends it is counted as `closed 4429`, or `429` where it was never open. */
export class Peer {
  readonly index: number
  readonly #ground: Ground
  readonly #options: PeerOptions
  #socket: LightSocket | undefined
  #isOpen = false

  constructor(ground: Ground, options: PeerOptions) {
    this.index = options.index
    this.#ground = ground
    this.#options = options
    const { afterMs = 0 } = options
    if (afterMs === 0) this.#connect()
    else setTimeout(() => this.#connect(), afterMs)
    ground.over.addEventListener('abort', () => this.#socket?.cut(), { once: true })
  }

  get isOpen(): boolean {
    return this.#isOpen
  }

  send(frame: object): void {
    this.write(maskedText(JSON.stringify(frame)))
  }

  /** `frames`: how many these bytes are. */
  write(bytes: Buffer, frames = 1): void {
    if (!this.#isOpen) return
    this.#ground.tally.sent(bytes.length, frames)
    this.#socket?.write(bytes)
  }

  stopReading(): void {
    this.#socket?.pause()
  }

  cut(): void {
    this.#isOpen = false
    this.#socket?.cut()
  }

  #connect(): void {
    if (this.#ground.over.aborted) return
    const { index, token, address = addressOf(index % ADDRESSES), opened, heard } = this.#options
    this.#ground.tally.connected()
    const events: LightSocketEvents = {
      opened: () => {
        this.#isOpen = true
        opened?.(this)
      },
      frame: (_socket, bytes, from, to) => heard?.(bytes.toString('utf8', from, to), this),
      lost: (_socket, why) => this.#lost(why),
    }
    this.#socket = new LightSocket(index, this.#ground.wsUrl, token, events, address)
  }

  #lost(why: string): void {
    this.#isOpen = false
    if (this.#ground.over.aborted) return
    const status = /^HTTP\/1\.1 (\d+)/.exec(why)?.[1]
    this.#ground.tally.answered(status ?? (why.startsWith('closed: ') ? why.replace(':', '') : 'lost'))
    this.#options.ended?.()
    if (this.#options.comesAgain === true) this.#again()
  }

  #again(): void {
    setImmediate(() => this.#connect())
  }
}

/** Counts what an edge refuses of frames, by its code. */
export function countRefusals({ tally }: Ground) {
  return (text: string): void => {
    if (text.startsWith('{"type":"ack"')) {
      tally.answered(text.includes('"ACCEPTED"') ? 'accepted' : codeIn(text))
    } else if (text.startsWith('{"type":"error"')) tally.answered(codeIn(text))
  }
}

function codeIn(text: string): string {
  return /"code":"([a-z_]+)"/.exec(text)?.[1] ?? 'no code'
}
