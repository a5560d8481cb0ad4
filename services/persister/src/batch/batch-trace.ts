import type { LogRecord } from '@roomlog/event-log'
import {
  HEADERS,
  logSpan,
  namespaced,
  PERSISTER_GROUP,
  SPAN_ATTRIBUTES,
  type TracedLog,
} from '@roomlog/events'
import type { Span, Tracing } from '@roomlog/service-kit'
import type { Verdict } from './verdict.ts'

/** What the traces of all batches have in common. */
export class Traces {
  readonly tracing: Tracing
  readonly process: ReturnType<typeof logSpan>
  readonly send: ReturnType<typeof logSpan>
  readonly group: string

  constructor(tracing: Tracing, log: TracedLog) {
    this.tracing = tracing
    this.process = logSpan(log, 'created', 'process')
    this.send = logSpan(log, 'persisted', 'send')
    this.group = namespaced(log.namespace, PERSISTER_GROUP)
  }
}

/**
 * The steps of a batch: for each record one that processes it and, where it is published, one that sends it on; and one
 * for the transaction that they share. That one goes on from the first record that is traced and names the others as
 * links, so that the trace of a message which is alone has all of it. A batch that breaks off leaves nothing: its records
 * are delivered again.
 */
export class BatchTrace {
  readonly #traces: Traces
  readonly #processing: readonly Span[]
  readonly #storing: Span | undefined
  readonly #sending = new Map<number, Span>()

  /** The verdicts will be given in this order: on the dead ones, then on the candidates. */
  constructor(
    traces: Traces,
    partition: number,
    dead: readonly { readonly record: LogRecord }[],
    candidates: readonly { readonly record: LogRecord }[],
  ) {
    const judged = [...dead, ...candidates]
    const { tracing, group, process } = traces
    this.#traces = traces
    this.#processing = judged.map(({ record: { headers, offset, key } }) =>
      tracing.start(process.name, {
        kind: 'consumer',
        parent: headers[HEADERS.traceparent],
        attributes: {
          ...process.attributes,
          [SPAN_ATTRIBUTES.group]: group,
          [SPAN_ATTRIBUTES.partition]: String(partition),
          [SPAN_ATTRIBUTES.offset]: Number(offset),
          [SPAN_ATTRIBUTES.batchSize]: judged.length,
          [SPAN_ATTRIBUTES.roomId]: key ?? '',
        },
      }),
    )
    this.#storing = this.#store(this.#processing.slice(dead.length))
  }

  #store(processing: readonly Span[]): Span | undefined {
    const [parent, ...others] = processing.filter((span) => span.isSampled)
    if (parent === undefined) return undefined
    return this.#traces.tracing.start('INSERT chat.messages', {
      kind: 'client',
      parent,
      links: others.map((span) => span.traceparent),
      attributes: {
        [SPAN_ATTRIBUTES.dbSystem]: 'postgresql',
        [SPAN_ATTRIBUTES.dbOperation]: 'INSERT',
        [SPAN_ATTRIBUTES.dbCollection]: 'chat.messages',
        [SPAN_ATTRIBUTES.dbBatchSize]: processing.length,
      },
    })
  }

  /** The transaction is over. */
  stored(): void {
    this.#storing?.end()
  }

  /** What comes of the record at `index` is handed to the log; ends with the batch, which waits for it. */
  sending(index: number): Span {
    const { tracing, send } = this.#traces
    const { name, attributes } = send
    const span = tracing.start(name, { kind: 'producer', parent: this.#processing[index], attributes })
    this.#sending.set(index, span)
    return span
  }

  /** The log has it all. */
  end(verdicts: readonly Verdict[]): void {
    for (const span of this.#sending.values()) span.end()
    for (const [index, verdict] of verdicts.entries()) {
      const failure = verdict.kind === 'dead' ? verdict.reason : undefined
      this.#processing[index]?.end(attributesOf(verdict), failure)
    }
  }
}

function attributesOf(verdict: Verdict) {
  const { kind } = verdict
  const isStored = kind === 'stored' || kind === 'redelivered'
  return {
    [SPAN_ATTRIBUTES.verdict]: kind,
    ...(isStored ? { [SPAN_ATTRIBUTES.seq]: verdict.message.seq } : {}),
  }
}
