import type { ClientFrame, Message, ServerFrame } from '@roomlog/protocol/wire'
import type { Socket } from '../src/platform/platform.ts'
import type { VirtualTime } from './virtual-time.ts'

type Listener = (event: { readonly data: unknown; readonly code: number }) => void

/** One connection between a client and the model server: in order and late, both ways, until it is lost. */
export class ModelSocket implements Socket {
  userId = ''
  /** What the client has renewed its authorisation with. */
  token: string | undefined
  unacked = 0
  /** By room: the seq up to which the client was given messages. */
  readonly positions = new Map<string, number>()
  /** Neither end hears of the other any more, and neither knows. */
  isSilent = false
  isGone = false
  readyState = 1
  onFrame: (frame: ClientFrame) => void = () => undefined
  onGone: () => void = () => undefined
  readonly #time: VirtualTime
  readonly #delayMs: () => number
  readonly #listeners: [string, Listener][] = []
  readonly #dueMs = { up: 0, down: 0 }

  constructor(time: VirtualTime, delayMs: () => number) {
    this.#time = time
    this.#delayMs = delayMs
  }

  addEventListener(type: string, listener: never): void {
    this.#listeners.push([type, listener])
  }

  /** The client's. */
  send(text: string): void {
    if (!this.isGone) this.#carry('up', () => !this.isGone && this.onFrame(JSON.parse(text) as ClientFrame))
  }

  /** The client's: its own close event comes at once here, as late as it may be elsewhere. */
  close(code = 1005): void {
    if (!this.isGone) this.#gone(code)
  }

  /** To the client. */
  push(frame: ServerFrame): void {
    const text = JSON.stringify(frame)
    if (!this.isGone)
      this.#carry('down', () => !this.isGone && this.#tell('message', { data: text, code: 0 }))
  }

  /** What the client has not been given of a room it has joined. */
  stream({
    id,
    log,
    members,
  }: {
    readonly id: string
    readonly log: readonly Message[]
    readonly members: Set<string>
  }) {
    const position = this.positions.get(id)
    if (position === undefined || !members.has(this.userId)) return
    for (const message of log.slice(position)) this.push({ type: 'newMessage', message })
    this.positions.set(id, log.length)
  }

  /** The server closes, after what it has said before. */
  end(code: number): void {
    this.onGone()
    if (!this.isGone) this.#carry('down', () => !this.isGone && this.#gone(code))
  }

  /** What is on its way is lost with the connection. */
  lose(): void {
    if (!this.isGone) this.#gone(1006)
  }

  #gone(code: number): void {
    this.isGone = true
    this.readyState = 3
    this.onGone()
    this.#tell('close', { data: undefined, code })
  }

  #tell(type: string, event: Parameters<Listener>[0]): void {
    for (const [wanted, listener] of this.#listeners) if (wanted === type) listener(event)
  }

  #carry(direction: 'up' | 'down', act: () => void): void {
    const dueMs = Math.max(this.#dueMs[direction], this.#time.monotonicMs + this.#delayMs())
    this.#dueMs[direction] = dueMs
    this.#time.after(dueMs - this.#time.monotonicMs, () => {
      if (!this.isSilent) act()
    })
  }
}
