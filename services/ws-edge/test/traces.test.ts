import { AppendError, connectEventLog } from '@roomlog/event-log'
import { encodePersisted, HEADERS, traced } from '@roomlog/events'
import { newId } from '@roomlog/protocol'
import { openTracing, type Tracing } from '@roomlog/service-kit'
import { BODY, collector, type TestClient, type TestCollector } from '@roomlog/testkit'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import type { Overrides } from '../src/app.ts'
import { join, PATIENCE, type RunningEdge, seqsOf, silent, suiteOnEngines, World } from './support.ts'

suiteOnEngines('an edge’s part in a trace', (engine) => {
  const resources = new AsyncDisposableStack()
  let world: World
  let to: TestCollector
  let ada = ''
  let room = ''

  beforeAll(async () => {
    world = resources.use(await World.start(engine))
    ada = await world.newUser()
  })
  beforeEach(async () => {
    room = await world.newRoom([ada])
    to = await collector()
  })
  afterEach(() => to[Symbol.asyncDispose]())
  afterAll(() => resources.disposeAsync())

  /** Runs an edge for `work`; resolves when all of its spans are exported. */
  async function withEdge(
    work: (edge: RunningEdge) => Promise<void>,
    { ratio = 1, ...overrides }: Overrides & { readonly ratio?: number } = {},
  ): Promise<void> {
    const config = { endpoint: to.url, sampler: 'parentbased_traceidratio', ratio } as const
    const tracing: Tracing = await openTracing(config, { service: 'ws-edge', host: 'here', port: 1 }, silent)
    const edge = await world.edge({ tracing, ...overrides }, { edgeId: newId() })
    await work(edge)
    await edge[Symbol.asyncDispose]()
    await tracing.stop()
  }

  async function send(client: TestClient, roomId = room) {
    const clientMsgId = newId()
    client.send({ type: 'sendMessage', roomId, clientMsgId, body: BODY })
    return client.next((frame) => frame.type === 'ack' && frame.clientMsgId === clientMsgId)
  }

  const headersIn = (roomId: string) =>
    world.created.filter(({ key }) => key === roomId).map(({ headers }) => headers)

  test('begins with the frame, and its record says how to go on', async () => {
    await withEdge(async (edge) => {
      await using client = await edge.client(ada)
      await send(client)
    })
    const [sent, received] = to.spans()
    expect(received).toMatchObject({ name: 'receive sendMessage', parentId: undefined, isError: false })
    expect(sent).toMatchObject({ parentId: received?.spanId, traceId: received?.traceId, isError: false })
    await expect
      .poll(() => headersIn(room), PATIENCE)
      .toEqual([{ [HEADERS.traceparent]: `00-${sent?.traceId}-${sent?.spanId}-01` }])
  })

  test('is nothing but a word to the next where the message is left out', async () => {
    await withEdge(
      async (edge) => {
        await using client = await edge.client(ada)
        await send(client)
      },
      { ratio: 0 },
    )
    expect(to.requests).toEqual([])
    const leftOut = expect.stringMatching(/^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/)
    await expect.poll(() => headersIn(room), PATIENCE).toEqual([{ [HEADERS.traceparent]: leftOut }])
  })

  test('tells why a send was refused, which is no error of the edge', async () => {
    await withEdge(async (edge) => {
      await using client = await edge.client(await world.newUser())
      expect(await send(client)).toMatchObject({ code: 'not_a_member' })
    })
    expect(to.spans()).toMatchObject([
      { name: 'receive sendMessage', isError: false, attributes: { 'roomlog.result': 'not_a_member' } },
    ])
  })

  test('tells that the log did not answer, which is one', async () => {
    const openLog = async () => {
      const log = { ...world.config.eventLog, database: world.admin }
      const eventLog = await connectEventLog({ ...log, clientId: 'test', sessionTimeoutMs: 10_000 }, silent)
      const append = () => Promise.reject(new AppendError('unknown', 'no answer'))
      return Object.assign(eventLog, { append })
    }
    await withEdge(
      async (edge) => {
        await using client = await edge.client(ada)
        expect(await send(client)).toMatchObject({ code: 'unavailable' })
      },
      { openLog },
    )
    expect(to.spans()).toMatchObject([
      { isError: true, attributes: { 'error.type': 'unknown' } },
      { isError: true, attributes: { 'error.type': 'unavailable', 'roomlog.result': 'unavailable' } },
    ])
  })

  test('ends with the delivery, of messages whose record belongs to a trace that is recorded', async () => {
    const trace = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331'
    const traceparents = [`${trace}-01`, `${trace}-00`, undefined, 'garbage', '', `${trace}-01`]
    await withEdge(async (edge) => {
      await using client = await edge.client(ada)
      await join(client, room)
      const bodies = traceparents.map((_, i) => `${i}`)
      const messages = await world.store(room, ada, bodies)
      const { epoch } = await world.admin.db
        .selectFrom('chat.cluster')
        .select('epoch')
        .executeTakeFirstOrThrow()
      const records = messages.map((message, i) => {
        const traceparent = traceparents[i]
        return traced(
          encodePersisted(message, epoch),
          traceparent === undefined ? undefined : { traceparent },
        )
      })
      await world.eventLog.appendAll('persisted', records, new AbortController().signal)
      await expect.poll(() => seqsOf(client, room), PATIENCE).toEqual([1, 2, 3, 4, 5, 6])
    })
    const [traceId, parentId] = trace.split('-').slice(1)
    expect(to.spans()).toMatchObject(
      [1, 6].map((seq) => ({
        traceId,
        parentId,
        kind: 5,
        attributes: { 'roomlog.room.id': room, 'roomlog.seq': seq, 'roomlog.sockets': 1 },
      })),
    )
  })
})
