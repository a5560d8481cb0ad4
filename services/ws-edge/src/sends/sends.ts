import type { Tables } from '@roomlog/db'
import { AppendError, type EventLog } from '@roomlog/event-log'
import { encodeCreated, traced } from '@roomlog/events'
import {
  type ClientFrameOf,
  type Limits,
  newId,
  SEND_FAILURES,
  type SendFailureCode,
  type ServerFrameOf,
} from '@roomlog/protocol'
import { crashPoint, type Logger, type Span, within } from '@roomlog/service-kit'
import type { Kysely } from 'kysely'
import { refOf } from '../frames/ref.ts'
import type { EdgeMetrics } from '../metrics.ts'
import type { Connection } from '../sockets/connection.ts'
import { OVERLOADED_RETRY_MS, TokenBuckets } from '../sockets/limits.ts'
import type { EdgeTraces } from '../traces.ts'
import type { Memberships } from './memberships.ts'
import { findStored } from './stored.ts'

export interface SendsOptions {
  readonly db: Kysely<Tables>
  /** Undefined until the log is reached. */
  readonly eventLog: () => EventLog | undefined
  readonly memberships: Memberships
  readonly edgeId: string
  readonly limits: Limits
  readonly metrics: EdgeMetrics
  readonly traces?: EdgeTraces | undefined
  readonly log: Logger
}

type Ack = ServerFrameOf<'ack'>
type Outcome =
  | { readonly status: 'ACCEPTED'; readonly messageId?: string; readonly seq?: number }
  | { readonly status: 'FAILED'; readonly code: SendFailureCode; readonly retryAfterMs?: number }

const ACCEPTED: Outcome = { status: 'ACCEPTED' }
const OVERLOADED: Outcome = { status: 'FAILED', code: 'overloaded', retryAfterMs: OVERLOADED_RETRY_MS }
/** Refused for who sends. */
const DENIALS: ReadonlySet<string> = new Set(['not_a_member', 'room_not_found'])
/** From the frame to its ack, whoever is away: what is asked on the way shares it. */
const SEND_TIMEOUT_MS = 5000
const LOOK_UP_TIMEOUT_MS = 500

/** Takes sends to the log and answers each with an ack; nothing is acknowledged before the log has it. */
export class Sends {
  readonly #options: SendsOptions
  readonly #users: TokenBuckets
  readonly #rooms: TokenBuckets

  constructor(options: SendsOptions) {
    this.#options = options
    const { messagesPerSecond, messageBurst, roomMessagesPerSecond } = options.limits
    this.#users = new TokenBuckets(messagesPerSecond, messageBurst)
    this.#rooms = new TokenBuckets(roomMessagesPerSecond, roomMessagesPerSecond)
  }

  /** Never rejects: whatever happens is told in the ack. */
  async take(connection: Connection, frame: ClientFrameOf<'sendMessage'>): Promise<void> {
    const received = this.#options.traces?.received(frame)
    if (connection.unacked >= this.#options.limits.maxUnacked) {
      this.#answer(connection, frame, OVERLOADED, received)
      return
    }
    const waitMs = this.#users.take(connection.userId)
    if (waitMs > 0) {
      this.#answer(connection, frame, rateLimited(waitMs), received)
      return
    }
    connection.sendTaken()
    const deadlineMs = performance.now() + SEND_TIMEOUT_MS
    const outcome = await this.#send(connection.userId, frame, deadlineMs, received)
    this.#answer(connection, frame, outcome, received)
    connection.sendAnswered()
  }

  /** Answers a send that was refused before it was looked at. */
  refuse(
    connection: Connection,
    send: Pick<Ack, 'roomId' | 'clientMsgId' | 'ref'>,
    code: SendFailureCode,
  ): void {
    this.#answer(connection, send, { status: 'FAILED', code })
  }

  /** `deadlineMs`: of `performance.now()`. */
  async #send(
    senderId: string,
    frame: ClientFrameOf<'sendMessage'>,
    deadlineMs: number,
    received: Span | undefined,
  ): Promise<Outcome> {
    const { roomId, clientMsgId, body } = frame
    try {
      const found = this.#options.memberships.of(roomId, senderId)
      const membership = typeof found === 'string' ? found : await within(leftMs(deadlineMs), found)
      if (membership !== 'member') return { status: 'FAILED', code: membership }
    } catch (err) {
      this.#options.log.warn({ err, roomId }, 'membership of a sender is not known')
      return OVERLOADED
    }
    // After the look at the membership: strangers must not use up what the members may send.
    const waitMs = this.#rooms.take(roomId)
    if (waitMs > 0) return rateLimited(waitMs)
    if (frame.repeat === true) {
      const stored = await this.#findStored(senderId, frame, deadlineMs)
      if (stored !== undefined) return stored
    }
    const acceptedAt = new Date().toISOString()
    const event = {
      eventId: newId(),
      roomId,
      senderId,
      clientMsgId,
      body,
      acceptedAt,
      edgeId: this.#options.edgeId,
    }
    return this.#append(event, deadlineMs, received)
  }

  async #append(
    event: Parameters<typeof encodeCreated>[0],
    deadlineMs: number,
    received: Span | undefined,
  ): Promise<Outcome> {
    const eventLog = this.#options.eventLog()
    if (eventLog === undefined) return OVERLOADED
    const acceptedAtMs = performance.now()
    const sending = this.#options.traces?.sending(event.roomId, received)
    try {
      await eventLog.append('created', traced(encodeCreated(event), sending), leftMs(deadlineMs))
      sending?.end()
      this.#options.metrics.acceptedToAcked.observe((performance.now() - acceptedAtMs) / 1000)
      crashPoint('after_produce_before_ack')
      return ACCEPTED
    } catch (error) {
      sending?.end({}, error instanceof AppendError ? error.outcome : 'failed')
      if (error instanceof AppendError && error.outcome === 'not_published') return OVERLOADED
      if (!(error instanceof AppendError)) this.#options.log.error({ err: error }, 'append failed')
      return { status: 'FAILED', code: 'unavailable' }
    }
  }

  /** Undefined also when the database does not say in time: then it is published, and stored once all the same. */
  async #findStored(
    senderId: string,
    frame: ClientFrameOf<'sendMessage'>,
    deadlineMs: number,
  ): Promise<Outcome | undefined> {
    const { roomId, clientMsgId, body } = frame
    const found = findStored(this.#options.db, { roomId, senderId, clientMsgId })
    const timeoutMs = Math.min(LOOK_UP_TIMEOUT_MS, leftMs(deadlineMs))
    const stored = await within(timeoutMs, found).catch((err: unknown) => {
      this.#options.log.debug({ err }, 'a repeated send could not be looked up')
      return undefined
    })
    if (stored === undefined) return undefined
    if (stored.body !== body) return { status: 'FAILED', code: 'client_msg_id_reused' }
    return { status: 'ACCEPTED', messageId: stored.id, seq: stored.seq }
  }

  #answer(
    connection: Connection,
    send: Pick<Ack, 'roomId' | 'clientMsgId' | 'ref'>,
    outcome: Outcome,
    received?: Span,
  ): void {
    const { roomId, clientMsgId } = send
    const base = { type: 'ack', roomId, clientMsgId, ...refOf(send) } as const
    const result = outcome.status === 'ACCEPTED' ? 'accepted' : outcome.code
    this.#options.metrics.sends.inc({ result })
    this.#options.traces?.answered(received, result)
    if (outcome.status === 'ACCEPTED') connection.send({ ...base, ...outcome })
    else connection.send({ ...base, ...outcome, retryable: SEND_FAILURES[outcome.code].retryable })
    if (DENIALS.has(result)) this.#options.log.info({ ...connection.by, roomId, code: result }, 'send denied')
  }
}

function leftMs(deadlineMs: number): number {
  return Math.max(0, Math.floor(deadlineMs - performance.now()))
}

function rateLimited(retryAfterMs: number): Outcome {
  return { status: 'FAILED', code: 'rate_limited', retryAfterMs }
}
