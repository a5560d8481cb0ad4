import { type LogRecord, MemoryLog } from '@roomlog/event-log'
import { HEADERS } from '@roomlog/events'
import { openTracing } from '@roomlog/service-kit'
import { type CollectedSpan, collector, suiteOn, type TestCollector } from '@roomlog/testkit'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { Traces } from '../src/batch/batch-trace.ts'
import { readAll, silent, testHandler } from './handler.ts'
import { candidate, created, newRoom, recordOf, type TestDatabase, testDatabase } from './support.ts'

const SAMPLED = 1
const PROCESS = 'process ns.chat.messages.v1'
const SEND = 'send ns.chat.messages.persisted.v1'
const STORE = 'INSERT chat.messages'
const CANARY = 'a body that nobody but members may read'

suiteOn(['postgres'], 'the traces of a batch', () => {
  let database: TestDatabase
  let memory: MemoryLog
  let to: TestCollector
  const resources = new AsyncDisposableStack()

  beforeAll(async () => {
    database = resources.use(await testDatabase())
  })
  beforeEach(async () => {
    memory = new MemoryLog(1)
    to = await collector()
  })
  afterEach(() => to[Symbol.asyncDispose]())
  afterAll(() => resources.disposeAsync())

  /** Handles the records as one batch; the spans that came of it. */
  async function handle(records: readonly LogRecord[]): Promise<readonly CollectedSpan[]> {
    const config = { endpoint: to.url, sampler: 'parentbased_always_on', ratio: 1 } as const
    const tracing = await openTracing(config, { service: 'persister', host: 'here', port: 1 }, silent)
    const eventLog = await memory.open({ clientId: 'test' }, silent)
    const traces = new Traces(tracing, { engine: 'full', namespace: 'ns' })
    await testHandler(database.persister, eventLog, traces).handle(records)
    await eventLog.close()
    await tracing.stop()
    return to.spans()
  }

  const published = () => readAll(memory, 'persisted')

  test('go on from each message’s own to what is published, and share the transaction', async () => {
    const room = await newRoom(database)
    const first = created(room, { body: CANARY })
    const [poison, one, two, leftOut, repeat] = [1, 2, 3, 4, 5].map((n) => traceOf(n, n === 4 ? 0 : SAMPLED))
    const spans = await handle([
      withTrace(recordOf(Buffer.from(`{"body":"${CANARY}"`), 0, room), poison),
      withTrace(candidate(first, 1).record, one),
      withTrace(candidate(created(room, { body: CANARY }), 2).record, two),
      withTrace(candidate(created(room, { body: CANARY }), 3).record, leftOut),
      withTrace(candidate(first, 4).record, repeat),
    ])

    const of = (trace: Trace | undefined) => spans.filter(({ traceId }) => traceId === trace?.id)
    const processing = (trace: Trace | undefined) => of(trace).find(({ name }) => name === PROCESS)
    for (const [trace, verdict, offset] of [
      [poison, 'dead', 0],
      [one, 'stored', 1],
      [two, 'stored', 2],
      [repeat, 'duplicate', 4],
    ] as const) {
      expect(processing(trace)).toMatchObject({
        service: 'persister',
        kind: 5,
        parentId: trace?.spanId,
        isError: verdict === 'dead',
        attributes: {
          'messaging.system': 'kafka',
          'messaging.destination.name': 'ns.chat.messages.v1',
          'messaging.consumer.group.name': 'ns.chat-persistor',
          'messaging.kafka.offset': offset,
          'messaging.batch.message_count': 5,
          'roomlog.room.id': room,
          'roomlog.verdict': verdict,
        },
      })
    }
    expect(processing(one)?.attributes['roomlog.seq']).toBe(1)
    expect(spans.filter(({ name }) => name === STORE)).toMatchObject([
      {
        traceId: one?.id,
        parentId: processing(one)?.spanId,
        links: [processing(two)?.spanId, processing(repeat)?.spanId],
        attributes: { 'db.operation.batch.size': 4 },
      },
    ])
    const sent = [one, two].map((trace) => of(trace).find(({ name }) => name === SEND))
    expect(sent).toMatchObject([one, two].map((it) => ({ kind: 4, parentId: processing(it)?.spanId })))
    const carried = (await published()).map(({ headers }) => headers[HEADERS.traceparent])
    expect(carried).toEqual([
      `00-${one?.id}-${sent[0]?.spanId}-01`,
      `00-${two?.id}-${sent[1]?.spanId}-01`,
      expect.stringMatching(`^00-${leftOut?.id}-[0-9a-f]{16}-00$`),
    ])
    expect(spans).toHaveLength(7)
    expect(Buffer.concat([...to.requests]).includes(CANARY)).toBe(false)
  })

  test('begin at the persister where the record names none, or garbage', async () => {
    const room = await newRoom(database)
    const garbage = { ...traceOf(1, SAMPLED), parent: 'garbage' }
    const spans = await handle([
      candidate(created(room), 0).record,
      withTrace(candidate(created(room), 1).record, garbage),
    ])
    const processing = spans.filter(({ name }) => name === PROCESS)
    expect(processing.map(({ parentId }) => parentId)).toEqual([undefined, undefined])
    expect(new Set(processing.map(({ traceId }) => traceId)).size).toBe(2)
    expect(await published()).toHaveLength(2)
  })

  test('cost nothing where none of them is recorded', async () => {
    const room = await newRoom(database)
    const records = [0, 1, 2].map((n) => withTrace(candidate(created(room), n).record, traceOf(n + 1, 0)))
    await handle(records)
    expect(to.requests).toEqual([])
    expect(await published()).toHaveLength(3)
  })
})

type Trace = ReturnType<typeof traceOf>

/** As an edge would have begun it. */
function traceOf(n: number, flags: number) {
  const [id, spanId] = [String(n).repeat(32), String(n).repeat(16)]
  return { id, spanId, parent: `00-${id}-${spanId}-0${flags}` }
}

function withTrace(record: LogRecord, trace: Trace | undefined): LogRecord {
  return { ...record, headers: { [HEADERS.traceparent]: trace?.parent ?? '' } }
}
