import {
  type Context,
  diag,
  ROOT_CONTEXT,
  type Span as SdkSpan,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  type Tracer,
  trace,
} from '@opentelemetry/api'
import { parseTraceParent, setGlobalErrorHandler } from '@opentelemetry/core'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto'
import { resourceFromAttributes } from '@opentelemetry/resources'
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  BatchSpanProcessor,
  ParentBasedSampler,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace'
import type { Logger } from '../logger.ts'
import { within } from '../within.ts'
import type { TracingConfig } from './settings.ts'
import type { Attributes, Origin, Span, SpanOptions, Tracing } from './tracing.ts'

/** Spans that wait for their export; above that they are dropped. About 1 KB each. */
const QUEUE_MAX_SPANS = 8192
const STOP_TIMEOUT_MS = 1000
const SILENCE_MS = 60_000
/** As many records as a batch of the log has. */
const LINKS_MAX = 500
/** Of what somebody else wrote into the log, too. */
const VALUE_MAX_UNITS = 256

const KINDS = {
  server: SpanKind.SERVER,
  client: SpanKind.CLIENT,
  producer: SpanKind.PRODUCER,
  consumer: SpanKind.CONSUMER,
} as const

const ROOTS = {
  always_on: () => new AlwaysOnSampler(),
  always_off: () => new AlwaysOffSampler(),
  traceidratio: (ratio: number) => new TraceIdRatioBasedSampler(ratio),
} as const

/** Traces by OpenTelemetry's SDK, to a collector. */
export function sdkTracing(config: TracingConfig, origin: Origin, log: Logger): Tracing {
  sayTroubleOnceAMinute(log)
  const exporter = new OTLPTraceExporter({ url: `${config.endpoint.replace(/\/$/, '')}/v1/traces` })
  const provider = new TracerProvider({
    resource: resourceFromAttributes({
      'service.namespace': 'roomlog',
      'service.name': origin.service,
      'service.instance.id': `${origin.host}:${origin.port}`,
    }),
    sampler: samplerOf(config),
    spanLimits: { linkCountLimit: LINKS_MAX, attributeValueLengthLimit: VALUE_MAX_UNITS },
    spanProcessors: [new BatchSpanProcessor({ exporter, maxQueueSize: QUEUE_MAX_SPANS })],
  })
  const tracer = provider.getTracer('roomlog')
  return {
    start: (name, options) => start(tracer, name, options),
    stop: () =>
      within(STOP_TIMEOUT_MS, provider.shutdown()).catch((err: unknown) =>
        log.warn({ err }, 'the last spans were not exported'),
      ),
  }
}

function samplerOf({ sampler, ratio }: TracingConfig) {
  const [, parentBased, name] = /^(parentbased_)?(.+)$/.exec(sampler) ?? []
  const root = ROOTS[name as keyof typeof ROOTS](ratio)
  return parentBased === undefined ? root : new ParentBasedSampler({ root })
}

function start(tracer: Tracer, name: string, options: SpanOptions): Span {
  const { kind, parent, links = [], startedAtMs, attributes } = options
  const span = tracer.startSpan(
    name,
    {
      kind: KINDS[kind],
      links: links.flatMap((it) => contextOf(it) ?? []).map((context) => ({ context })),
      ...(startedAtMs === undefined ? {} : { startTime: startedAtMs }),
    },
    after(parent),
  )
  // Not with the start: the SDK would copy them for what is left out, too.
  if (span.isRecording()) span.setAttributes(attributes)
  return new Step(span)
}

function after(parent: SpanOptions['parent']): Context {
  if (parent instanceof Step) return trace.setSpan(ROOT_CONTEXT, parent.span)
  const context = contextOf(typeof parent === 'object' ? parent.traceparent : parent)
  return context === undefined ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, context)
}

/** Undefined for what is no `traceparent`. */
function contextOf(traceparent: string | undefined): SpanContext | undefined {
  const context = parseTraceParent(traceparent ?? '')
  return context === null ? undefined : { ...context, isRemote: true }
}

class Step implements Span {
  readonly span: SdkSpan

  constructor(span: SdkSpan) {
    this.span = span
  }

  get traceparent(): string {
    const { traceId, spanId } = this.span.spanContext()
    return `00-${traceId}-${spanId}-0${this.isSampled ? 1 : 0}`
  }

  get isSampled(): boolean {
    return (this.span.spanContext().traceFlags & TraceFlags.SAMPLED) !== 0
  }

  end(attributes?: Attributes, failure?: string): void {
    if (!this.span.isRecording()) return
    if (attributes !== undefined) this.span.setAttributes(attributes)
    if (failure !== undefined) {
      this.span.setAttributes({ 'error.type': failure }).setStatus({ code: SpanStatusCode.ERROR })
    }
    this.span.end()
  }
}

/** The SDK tells of each export that failed, one each few seconds while a collector is away. */
function sayTroubleOnceAMinute(log: Logger): void {
  let saidAtMs = Number.NEGATIVE_INFINITY
  const say = (details: object, message: string) => {
    if (performance.now() - saidAtMs < SILENCE_MS) return
    saidAtMs = performance.now()
    log.warn(details, message)
  }
  setGlobalErrorHandler((err) => say({ err }, 'spans were not exported'))
  const warn = (message: string, ...details: unknown[]) => say({ details }, `OpenTelemetry: ${message}`)
  const ignore = () => undefined
  diag.setLogger(
    { error: warn, warn, info: ignore, debug: ignore, verbose: ignore },
    { suppressOverrideMessage: true },
  )
}
