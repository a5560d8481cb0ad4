import { collector } from '@roomlog/testkit'
import { pino } from 'pino'
import { describe, expect, test } from 'vitest'
import { isSampled, openTracing, type TracingConfig } from '../src/index.ts'

const SAMPLED = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
const LEFT_OUT = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00'
const TRACE_ID = SAMPLED.split('-')[1]
const GARBAGE = [
  '',
  'garbage',
  '00-00000000000000000000000000000000-b7ad6b7169203331-01',
  '00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01',
  '00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01',
  '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more',
  'ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  `${'a'.repeat(100_000)}\0`,
]
const PATIENCE = { timeout: 20_000 }
const ORIGIN = { service: 'fixture', host: 'here', port: 1 }
const STEP = { kind: 'consumer', attributes: { 'roomlog.seq': 7, 'roomlog.room.id': 'a room' } } as const

async function tracingTo(endpoint: string, changed: Partial<TracingConfig> = {}) {
  const lines: string[] = []
  const log = pino({ level: 'warn' }, { write: (line: string) => void lines.push(line) })
  const config = { endpoint, sampler: 'parentbased_always_on', ratio: 1, ...changed } as const
  return { tracing: await openTracing(config, ORIGIN, log), lines }
}

function traceIdOf(traceparent: string): string | undefined {
  return traceparent.split('-')[1]
}

describe('a step', () => {
  test('goes on from the trace that came along, and its own steps from it', async () => {
    await using to = await collector()
    const { tracing } = await tracingTo(`${to.url}/`)
    const first = tracing.start('first', { ...STEP, parent: SAMPLED, links: [LEFT_OUT] })
    const second = tracing.start('second', { kind: 'client', attributes: {}, parent: first })
    second.end({ 'roomlog.verdict': 'stored' }, 'broken')
    first.end()
    await tracing.stop()
    const [secondSpan, firstSpan] = to.spans()
    expect(firstSpan).toMatchObject({
      service: 'fixture',
      instance: 'here:1',
      name: 'first',
      kind: 5,
      traceId: TRACE_ID,
      parentId: 'b7ad6b7169203331',
      hasRemoteParent: true,
      links: ['b7ad6b7169203331'],
      attributes: STEP.attributes,
      isError: false,
    })
    expect(secondSpan).toMatchObject({
      name: 'second',
      kind: 3,
      traceId: TRACE_ID,
      parentId: firstSpan?.spanId,
      hasRemoteParent: false,
      attributes: { 'roomlog.verdict': 'stored', 'error.type': 'broken' },
      isError: true,
    })
    expect(second.traceparent).toBe(`00-${TRACE_ID}-${secondSpan?.spanId}-01`)
  })

  test('may have begun before it is known', async () => {
    await using to = await collector()
    const { tracing } = await tracingTo(to.url)
    tracing.start('step', { ...STEP, startedAtMs: performance.now() - 1000 }).end()
    await tracing.stop()
    const [ms] = to.spans().map(({ startMs, endMs }) => endMs - startMs)
    expect(ms).toBeGreaterThanOrEqual(1000)
  })

  test.each(GARBAGE)('begins a new trace where garbage came along (%#)', async (parent) => {
    await using to = await collector()
    const { tracing } = await tracingTo(to.url)
    const span = tracing.start('step', { ...STEP, parent, links: [parent] })
    span.end()
    await tracing.stop()
    expect(to.spans()).toMatchObject([
      { parentId: undefined, links: [], traceId: traceIdOf(span.traceparent) },
    ])
    expect(span.traceparent).not.toContain(TRACE_ID)
  })

  test.each(GARBAGE)('of garbage is not sampled before somebody has looked (%#)', (garbage) => {
    expect(() => isSampled(garbage)).not.toThrow()
  })
})

describe('what is traced', () => {
  test.each([
    ['parentbased_always_on', 1, LEFT_OUT],
    ['parentbased_always_off', 1, undefined],
    ['parentbased_traceidratio', 0, undefined],
    ['parentbased_traceidratio', 1, LEFT_OUT],
    ['traceidratio', 0, SAMPLED],
    ['always_off', 1, SAMPLED],
  ] as const)('leaves out, and says so to the next: %s %d %s', async (sampler, ratio, parent) => {
    await using to = await collector()
    const { tracing } = await tracingTo(to.url, { sampler, ratio })
    const span = tracing.start('step', { ...STEP, parent })
    const next = tracing.start('next', { ...STEP, parent: span })
    for (const it of [next, span]) {
      it.end()
      expect(it.isSampled).toBe(false)
      expect(it.traceparent).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/)
      expect(isSampled(it.traceparent)).toBe(false)
    }
    expect(traceIdOf(next.traceparent)).toBe(traceIdOf(span.traceparent))
    if (parent !== undefined) expect(traceIdOf(span.traceparent)).toBe(TRACE_ID)
    await tracing.stop()
    expect(to.requests).toEqual([])
  })

  test.each([
    ['parentbased_always_on', 1, undefined],
    ['parentbased_always_off', 1, SAMPLED],
    ['parentbased_traceidratio', 0, SAMPLED],
    ['parentbased_traceidratio', 1, undefined],
    ['traceidratio', 1, LEFT_OUT],
    ['always_on', 0, LEFT_OUT],
  ] as const)('keeps: %s %d %s', async (sampler, ratio, parent) => {
    await using to = await collector()
    const { tracing } = await tracingTo(to.url, { sampler, ratio })
    const span = tracing.start('step', { ...STEP, parent })
    span.end()
    expect(isSampled(span.traceparent)).toBe(true)
    await tracing.stop()
    expect(to.spans()).toHaveLength(1)
  })

  test('is a share of the traces', async () => {
    await using to = await collector()
    const { tracing } = await tracingTo(to.url, { sampler: 'parentbased_traceidratio', ratio: 0.25 })
    for (let i = 0; i < 2000; i += 1) tracing.start('step', STEP).end()
    await tracing.stop()
    // Eight standard deviations: it fails once in 10^15 runs.
    expect(Math.abs(to.spans().length - 500)).toBeLessThan(155)
  })
})

describe('a collector', () => {
  const said = (lines: readonly string[]) => lines.map((line) => JSON.parse(line).msg)
  /** Spans for several batches, each of which is exported on its own. */
  const many = Array.from({ length: 1500 })

  test('that refuses all is told of once', async () => {
    await using to = await collector({ status: 400 })
    const { tracing, lines } = await tracingTo(to.url)
    for (const _ of many) tracing.start('step', STEP).end()
    await expect.poll(() => to.requests.length, PATIENCE).toBe(3)
    await expect.poll(() => said(lines), PATIENCE).toEqual(['spans were not exported'])
    tracing.start('the last', STEP).end()
    await tracing.stop()
    expect(said(lines)).toEqual(['spans were not exported', 'the last spans were not exported'])
  })

  test('that is away does not hold up a stop', async () => {
    const gone = await collector()
    await gone[Symbol.asyncDispose]()
    const { tracing, lines } = await tracingTo(gone.url)
    for (const _ of many) tracing.start('step', STEP).end()
    await tracing.stop()
    expect(said(lines)).toEqual(['the last spans were not exported'])
  })

  test('that does not answer does not hold up a stop', async () => {
    await using to = await collector({ status: 'none' })
    const { tracing, lines } = await tracingTo(to.url)
    tracing.start('step', STEP).end()
    await tracing.stop()
    expect(to.spans()).toHaveLength(1)
    expect(said(lines)).toEqual(['the last spans were not exported'])
  })
})
