import { HEADERS, logSpan, SPAN_ATTRIBUTES, type TracedLog } from '@roomlog/events'
import type { SendFailureCode } from '@roomlog/protocol'
import { isSampled, type Span, type Tracing } from '@roomlog/service-kit'
import type { Heard, Row } from './rooms/room-events.ts'

/** As for HTTP, where these were a 503: the others are the client's. */
const FAULTS: readonly string[] = ['unavailable', 'overloaded'] satisfies SendFailureCode[]

/** An edge's steps of a message's trace, in the order it takes them. */
export class EdgeTraces {
  readonly #tracing: Tracing
  readonly #send: ReturnType<typeof logSpan>
  readonly #deliver: ReturnType<typeof logSpan>

  constructor(tracing: Tracing, log: TracedLog) {
    this.#tracing = tracing
    this.#send = logSpan(log, 'created', 'send')
    this.#deliver = logSpan(log, 'persisted', 'deliver')
  }

  /** Begins with the frame, ends with `answered`. */
  received({ roomId, clientMsgId }: { readonly roomId: string; readonly clientMsgId: string }): Span {
    return this.#tracing.start('receive sendMessage', {
      kind: 'server',
      attributes: { [SPAN_ATTRIBUTES.roomId]: roomId, [SPAN_ATTRIBUTES.clientMsgId]: clientMsgId },
    })
  }

  /** Begins when the record is handed to the log, ends when the log has it. */
  sending(roomId: string, received: Span | undefined): Span {
    const { name, attributes } = this.#send
    return this.#tracing.start(name, {
      kind: 'producer',
      parent: received,
      attributes: { ...attributes, [SPAN_ATTRIBUTES.roomId]: roomId },
    })
  }

  /** `result`: accepted, or the code of the refusal. */
  answered(received: Span | undefined, result: 'accepted' | SendFailureCode): void {
    received?.end({ [SPAN_ATTRIBUTES.result]: result }, FAULTS.includes(result) ? result : undefined)
  }

  /** What is to be known when the record's message is delivered; undefined where nobody traces it. */
  heard(headers: Readonly<Record<string, string>>): Heard | undefined {
    const traceparent = headers[HEADERS.traceparent]
    if (traceparent === undefined || !isSampled(traceparent)) return undefined
    return { traceparent, atMs: performance.now() }
  }

  /** One step for each row that was heard of, however many sockets it was written to. */
  delivered(roomId: string, rows: readonly Row[], sockets: number): void {
    const { name, attributes } = this.#deliver
    for (const { seq, heard } of rows) {
      if (heard === undefined) continue
      const span = this.#tracing.start(name, {
        kind: 'consumer',
        parent: heard.traceparent,
        startedAtMs: heard.atMs,
        attributes: {
          ...attributes,
          [SPAN_ATTRIBUTES.roomId]: roomId,
          [SPAN_ATTRIBUTES.seq]: seq,
          [SPAN_ATTRIBUTES.sockets]: sockets,
        },
      })
      span.end()
    }
  }
}
