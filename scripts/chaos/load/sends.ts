import type { Message, ServerFrameOf } from '@roomlog/protocol/wire'
import type { Recording } from '@roomlog/testkit/proof'

/** After so long without an answer a client repeats. */
const UNANSWERED_MS = 10_000
const RETRY_MS = 250

interface Pending {
  readonly roomId: string
  readonly clientMsgId: string
  readonly body: string
  attempts: number
  timer: NodeJS.Timeout | undefined
}

export interface SendsOptions {
  readonly client: string
  readonly userId: string
  readonly recording: Recording
  /** Undefined while there is none. */
  readonly connection: () => string | undefined
  /** Whether nothing is to be sent although there is a connection. */
  readonly isHeld: () => boolean
  readonly write: (frame: object) => void
}

/** What a client has sent and knows no end of yet: repeated with the same clientMsgId until it is answered for good. */
export class Sends {
  accepted = 0
  failed = 0
  readonly #options: SendsOptions
  readonly #pending = new Map<string, Pending>()
  /** Attempts by the `ref` of their frames, until they are answered or their connection is gone. */
  readonly #asked = new Map<string, { readonly pending: Pending; readonly atMs: number }>()
  #slowestAnswerMs = 0
  #refs = 0
  #isOver = false

  constructor(options: SendsOptions) {
    this.#options = options
  }

  /** Not answered for good yet. */
  get pending(): number {
    return this.#pending.size
  }

  /** The longest that an attempt waited for its answer since `forgetSlowest`, or waits now. */
  get slowestMs(): number {
    const waiting = [...this.#asked.values()].map(({ atMs }) => performance.now() - atMs)
    return Math.max(this.#slowestAnswerMs, ...waiting)
  }

  forgetSlowest(): void {
    this.#slowestAnswerMs = 0
  }

  send(roomId: string, clientMsgId: string, body: string): void {
    if (this.#pending.has(keyOf(roomId, clientMsgId, body))) return
    const pending = { roomId, clientMsgId, body, attempts: 0, timer: undefined }
    this.#pending.set(keyOf(roomId, clientMsgId, body), pending)
    this.#attempt(pending)
  }

  /** A new connection: everything that is open is asked again. */
  connected(): void {
    this.#asked.clear()
    for (const pending of this.#pending.values()) this.#attempt(pending)
  }

  acked(frame: ServerFrameOf<'ack'>): void {
    const asked = this.#asked.get(frame.ref ?? '')
    if (asked === undefined) return
    const { pending, atMs } = asked
    this.#asked.delete(frame.ref ?? '')
    this.#slowestAnswerMs = Math.max(this.#slowestAnswerMs, performance.now() - atMs)
    const { client, userId, recording } = this.#options
    recording.write({
      type: 'ack',
      client,
      userId,
      roomId: frame.roomId,
      clientMsgId: frame.clientMsgId,
      body: pending.body,
      connection: this.#options.connection() ?? '',
      status: frame.status,
      ...('code' in frame ? { code: frame.code } : {}),
      ...('seq' in frame && frame.seq !== undefined ? { seq: frame.seq } : {}),
    })
    if (!this.#pending.has(keyOf(pending.roomId, pending.clientMsgId, pending.body))) return
    if (frame.status === 'FAILED' && frame.retryable) {
      this.#later(pending, frame.retryAfterMs ?? RETRY_MS)
      return
    }
    if (frame.status === 'ACCEPTED') this.accepted += 1
    else this.failed += 1
    this.#settle(pending)
  }

  rejected({ roomId, clientMsgId, code }: ServerFrameOf<'messageRejected'>): void {
    const { client, userId, recording } = this.#options
    recording.write({ type: 'rejected', client, userId, roomId, clientMsgId, code })
  }

  /** The stored message came: its send is settled, whatever became of its ack. */
  seen({ roomId, clientMsgId, body }: Message): void {
    const pending = this.#pending.get(keyOf(roomId, clientMsgId, body))
    if (pending !== undefined) this.#settle(pending)
  }

  close(): void {
    this.#isOver = true
    for (const { timer } of this.#pending.values()) clearTimeout(timer)
  }

  #attempt(pending: Pending): void {
    if (this.#isOver) return
    this.#later(pending, UNANSWERED_MS)
    const connection = this.#options.connection()
    if (connection === undefined || this.#options.isHeld()) return
    pending.attempts += 1
    const { roomId, clientMsgId, body, attempts: attempt } = pending
    const { client, userId, recording } = this.#options
    recording.write({ type: 'send', client, userId, roomId, clientMsgId, body, attempt, connection })
    this.#refs += 1
    const ref = String(this.#refs)
    this.#asked.set(ref, { pending, atMs: performance.now() })
    const repeat = attempt > 1 ? { repeat: true } : {}
    this.#options.write({ type: 'sendMessage', roomId, clientMsgId, body, ref, ...repeat })
  }

  #later(pending: Pending, afterMs: number): void {
    clearTimeout(pending.timer)
    pending.timer = setTimeout(() => this.#attempt(pending), afterMs)
  }

  #settle(pending: Pending): void {
    clearTimeout(pending.timer)
    this.#pending.delete(keyOf(pending.roomId, pending.clientMsgId, pending.body))
  }
}

function keyOf(roomId: string, clientMsgId: string, body: string): string {
  return `${roomId} ${clientMsgId} ${body}`
}
