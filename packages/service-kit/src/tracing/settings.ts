import { z } from 'zod'
import { urlOf } from '../settings.ts'

/** Whether a trace that begins here is recorded: the names are OpenTelemetry's. */
const ROOT_SAMPLERS = ['always_on', 'always_off', 'traceidratio'] as const

/** What services that take part in traces read besides. */
export const tracingSettings = {
  OTEL_EXPORTER_OTLP_ENDPOINT: urlOf('http:', 'https:')
    .optional()
    .describe('Where traces go, by OTLP over HTTP (http://localhost:4318); unset: there are none'),
  OTEL_EXPORTER_OTLP_HEADERS: z
    .string()
    .regex(/^[^=,]+=[^,]*(,[^=,]+=[^,]*)*$/, 'must be name=value, comma-separated')
    .optional()
    .describe('Sent along with traces, as a login: name=value, comma-separated, percent-encoded'),
  OTEL_TRACES_SAMPLER: z
    .enum([...ROOT_SAMPLERS, ...ROOT_SAMPLERS.map((name) => `parentbased_${name}` as const)])
    .default('parentbased_always_on')
    .describe('Which messages are traced; parentbased_: the edge that takes a message decides for all'),
  OTEL_TRACES_SAMPLER_ARG: z
    .string()
    .regex(/^(0(\.[0-9]{1,9})?|1(\.0{1,9})?)$/, 'must be 0 to 1')
    .transform(Number)
    .default(1)
    .describe('The share of messages that is traced, 0 to 1; with a traceidratio sampler'),
}

type TracingSettings = z.infer<z.ZodObject<typeof tracingSettings>>

/** Where traces go, and which; undefined: nowhere. */
export function tracingOf(settings: TracingSettings) {
  const { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint } = settings
  if (endpoint === undefined) return undefined
  return {
    endpoint,
    sampler: settings.OTEL_TRACES_SAMPLER,
    ratio: settings.OTEL_TRACES_SAMPLER_ARG,
  }
}

export type TracingConfig = NonNullable<ReturnType<typeof tracingOf>>
