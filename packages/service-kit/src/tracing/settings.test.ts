import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { parseSettings, SettingsError } from '../settings.ts'
import { tracingOf, tracingSettings } from './settings.ts'

const OTEL_EXPORTER_OTLP_ENDPOINT = 'http://localhost:4318'

function read(env: Readonly<Record<string, string>>) {
  return tracingOf(parseSettings(z.object(tracingSettings), env))
}

describe('traces', () => {
  test('go nowhere unless it is said where', () => {
    expect(read({})).toBeUndefined()
    expect(read({ OTEL_EXPORTER_OTLP_ENDPOINT: '', OTEL_TRACES_SAMPLER: 'always_on' })).toBeUndefined()
  })

  test('are of all messages unless it is said of how many', () => {
    const endpoint = OTEL_EXPORTER_OTLP_ENDPOINT
    expect(read({ OTEL_EXPORTER_OTLP_ENDPOINT })).toEqual({
      endpoint,
      sampler: 'parentbased_always_on',
      ratio: 1,
    })
    const some = { OTEL_TRACES_SAMPLER: 'parentbased_traceidratio', OTEL_TRACES_SAMPLER_ARG: '0.01' }
    expect(read({ OTEL_EXPORTER_OTLP_ENDPOINT, ...some })).toEqual({
      endpoint,
      sampler: 'parentbased_traceidratio',
      ratio: 0.01,
    })
  })

  test.each([
    ['OTEL_EXPORTER_OTLP_ENDPOINT', 'localhost:4318'],
    ['OTEL_EXPORTER_OTLP_HEADERS', 'canary'],
    ['OTEL_TRACES_SAMPLER', 'jaeger_remote'],
    ['OTEL_TRACES_SAMPLER_ARG', '1.5'],
    ['OTEL_TRACES_SAMPLER_ARG', 'half'],
  ])('are refused with %s=%s', (name, value) => {
    expect(() => read({ OTEL_EXPORTER_OTLP_ENDPOINT, [name]: value })).toThrow(SettingsError)
  })
})
