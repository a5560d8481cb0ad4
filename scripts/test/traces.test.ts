import { connect } from '@roomlog/db'
import { connectLogReader, type LogRecord } from '@roomlog/event-log'
import { HEADERS, type Topic } from '@roomlog/events'
import { parseConfig } from '@roomlog/persister/config'
import { type CollectedSpan, collector, suiteOn, type TestCollector } from '@roomlog/testkit'
import { pino } from 'pino'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { LiveView } from '../live-view.ts'
import { Person } from '../person.ts'
import { Fleet, type FleetServers, fleetServers } from './fleet.ts'
import { ENGINES } from './running-roomlog.ts'

const BODY = 'what a trace must not tell'
/** OTLP's numbers of kinds. */
const [SERVER, CLIENT, PRODUCER, CONSUMER] = [2, 3, 4, 5]
const SERVICES = ['persister', 'api', 'ws-edge-1', 'ws-edge-2']

for (const engine of ENGINES) {
  const needs = [...new Set([...engine.needs, 'postgres' as const])]
  suiteOn(needs, `traces on the ${engine.name} engine`, () => {
    let servers: FleetServers
    let to: TestCollector
    const resources = new AsyncDisposableStack()

    beforeAll(async () => {
      servers = resources.use(await fleetServers(engine.name))
      to = resources.use(await collector())
    })
    afterAll(() => resources.disposeAsync())

    /** Two edges and what else a conversation takes, told of `endpoint`. */
    async function running(endpoint: string): Promise<Fleet> {
      const env = { ...servers.env, OTEL_EXPORTER_OTLP_ENDPOINT: endpoint }
      const fleet = await Fleet.prepare({ env, edges: 2 })
      await fleet.start()
      return fleet
    }

    test('without a collector there are none, and no record names one', async () => {
      await using fleet = await running('')
      const { roomId } = await converse(fleet)
      await fleet.stop()
      for (const topic of ['created', 'persisted'] as const) {
        const [record, ...others] = await recordsOf(servers, topic, roomId)
        expect(others).toEqual([])
        expect(record?.headers).not.toHaveProperty(HEADERS.traceparent)
      }
      expect(to.requests).toEqual([])
    })

    test('one leads from the edge that takes a message over the log and the persister to each edge that delivers it', async () => {
      await using fleet = await running(to.url)
      const { roomId, clientMsgId } = await converse(fleet)
      // What they have not exported yet, they do now.
      await fleet.stop()
      const spans = to.spans()
      const received = spans.find(({ name }) => name === 'receive sendMessage')
      expect(received).toMatchObject({
        service: 'ws-edge',
        kind: SERVER,
        parentId: undefined,
        attributes: {
          'roomlog.room.id': roomId,
          'roomlog.client_msg_id': clientMsgId,
          'roomlog.result': 'accepted',
        },
      })
      // One message, one trace, and nothing beside it.
      expect(new Set(spans.map(({ traceId }) => traceId))).toEqual(new Set([received?.traceId]))
      const prefix = servers.env.NAMESPACE === '' ? '' : `${servers.env.NAMESPACE}.`
      const after = (parent: CollectedSpan | undefined) =>
        spans
          .filter(({ parentId }) => parentId === parent?.spanId)
          .toSorted((a, b) => a.name.localeCompare(b.name))
      const [sent, ...besideSent] = after(received)
      const [processed, ...besideProcessed] = after(sent)
      const [stored, published, ...besidePublished] = after(processed)
      const delivered = after(published)
      expect([...besideSent, ...besideProcessed, ...besidePublished, ...after(stored)]).toEqual([])
      expect(sent).toMatchObject({
        service: 'ws-edge',
        instance: received?.instance,
        name: `send ${prefix}chat.messages.v1`,
        kind: PRODUCER,
        attributes: { 'messaging.system': engine.name === 'full' ? 'kafka' : 'roomlog' },
      })
      expect(processed).toMatchObject({
        service: 'persister',
        name: `process ${prefix}chat.messages.v1`,
        kind: CONSUMER,
        attributes: { 'roomlog.room.id': roomId, 'roomlog.seq': 1, 'roomlog.verdict': 'stored' },
      })
      expect(stored).toMatchObject({ service: 'persister', name: 'INSERT chat.messages', kind: CLIENT })
      expect(published).toMatchObject({
        service: 'persister',
        name: `send ${prefix}chat.messages.persisted.v1`,
        kind: PRODUCER,
      })
      // Two who listen at the one edge are one step, as the one at the other is.
      expect(delivered.map(({ attributes }) => attributes['roomlog.sockets']).toSorted()).toEqual([1, 2])
      expect(new Set(delivered.map(({ instance }) => instance)).size).toBe(2)
      for (const span of delivered) {
        expect(span).toMatchObject({
          service: 'ws-edge',
          name: `deliver ${prefix}chat.messages.persisted.v1`,
          kind: CONSUMER,
          attributes: { 'roomlog.room.id': roomId, 'roomlog.seq': 1 },
        })
      }
      expect(spans.filter(({ isError }) => isError)).toEqual([])
      expect(to.requests.filter((request) => request.includes(BODY))).toEqual([])
    })

    test('a collector that is away holds up nobody, neither who talks nor who stops', async () => {
      const gone = await collector()
      await gone[Symbol.asyncDispose]()
      await using fleet = await running(gone.url)
      await converse(fleet)
      await fleet.stop()
      expect(fleet.endings.map((how) => how.split(':')[0])).toEqual(SERVICES.map(() => 'exit code 0'))
      for (const name of ['persister', 'ws-edge-1']) {
        const said = (await fleet.logOf(name)).match(/spans were not exported/g) ?? []
        expect(said.length).toBeGreaterThan(0)
        expect(said.length).toBeLessThanOrEqual(2)
      }
    })
  })
}

/** Ada says one thing at the first edge; Grace and Linus hear it at the second, and she herself. */
async function converse(fleet: Fleet) {
  const run = crypto.randomUUID().slice(0, 8)
  const [ada, grace, linus] = await Promise.all(
    ['ada', 'grace', 'linus'].map((name) => Person.register(fleet.apiUrls[0] ?? '', `${name}_${run}`, name)),
  )
  if (ada === undefined || grace === undefined || linus === undefined) throw new Error('somebody is missing')
  const { id: roomId } = await ada.createRoom(`Room ${run}`)
  const at = (person: Person, edge: number) =>
    LiveView.open(person, [roomId], async () => fleet.wsUrls[edge] ?? '')
  for (const person of [grace, linus]) await person.joinRoom(roomId)
  const views = [await at(ada, 0), await at(grace, 1), await at(linus, 1)]
  await views[0]?.send(roomId, BODY)
  const seen = views.map((view) => view.until(() => view.seen.get(roomId)?.length === 1))
  await Promise.all(seen)
  const clientMsgId = views[0]?.seen.get(roomId)?.[0]?.clientMsgId
  for (const view of views) view.close()
  return { roomId, clientMsgId }
}

/** What stands in a topic of a room. */
async function recordsOf(servers: FleetServers, topic: Topic, roomId: string): Promise<readonly LogRecord[]> {
  await using stack = new AsyncDisposableStack()
  const { eventLog, database } = parseConfig({ ...servers.env, PORT: '0' })
  const admin = connect({ url: database.url, applicationName: 'test' })
  stack.defer(() => admin.close())
  const settings = { ...eventLog, database: admin, clientId: 'test' }
  const reader = await connectLogReader(settings, pino({ level: 'silent' }))
  stack.defer(() => reader.close())
  const found: LogRecord[] = []
  await reader.read(topic, {
    ranges: await reader.bounds(topic),
    onRecords: async (_partition, records) => {
      found.push(...records.filter(({ key }) => key === roomId))
    },
  })
  return found
}
