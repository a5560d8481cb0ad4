import type { Logger } from '../logger.ts'
import type { TracingConfig } from './settings.ts'

export type Attributes = Readonly<Record<string, string | number>>

/** One step of a trace. What has not ended is exported nowhere. */
export interface Span {
  /** W3C Trace Context: goes along to whoever takes the next step, also in another process. */
  readonly traceparent: string
  /** False where the sampler left the trace out: nothing is kept of the step, and its `traceparent` says so to the next. */
  readonly isSampled: boolean
  /** Once. `failure` says in a word why the step failed. */
  end(attributes?: Attributes, failure?: string): void
}

export interface SpanOptions {
  readonly kind: 'server' | 'client' | 'producer' | 'consumer'
  readonly attributes: Attributes
  /** The step before: a span, or the `traceparent` that came along. Without, or where it is none, a new trace begins. */
  readonly parent?: Span | string | undefined
  /** The `traceparent` of other steps that this one goes on from. */
  readonly links?: readonly string[]
  /** When it began, by `performance.now()`; default: now. */
  readonly startedAtMs?: number
}

/** A process's part in traces. It costs a message no waiting: spans are exported in the background, or dropped. */
export interface Tracing {
  start(name: string, options: SpanOptions): Span
  /** Exports what has ended. Resolves within 1 s, also when nobody takes it; never rejects. */
  stop(): Promise<void>
}

/** Who says what: as which service of which host and port. */
export interface Origin {
  readonly service: string
  readonly host: string
  readonly port: number
}

/** The SDK is loaded here, and only here: a process without traces has nothing of it. */
export async function openTracing(config: TracingConfig, origin: Origin, log: Logger): Promise<Tracing> {
  const { sdkTracing } = await import('./sdk.ts')
  return sdkTracing(config, origin, log)
}

const FLAGS_AT = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-'.length
const SAMPLED = 1

/** Whether a `traceparent` belongs to a trace that is recorded; false for what is none. */
export function isSampled(traceparent: string): boolean {
  return (Number.parseInt(traceparent.slice(FLAGS_AT, FLAGS_AT + 2), 16) & SAMPLED) !== 0
}
