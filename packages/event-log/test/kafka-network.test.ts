import { once } from 'node:events'
import { createRequire } from 'node:module'
import { type AddressInfo, createServer } from 'node:net'
import { broadcastGroup, namespaced, TOPICS } from '@roomlog/events'
import { kafka, namespace, suiteOn, type TestKafka } from '@roomlog/testkit'
import { kafkaRelay } from '@roomlog/testkit/proof'
import { type Admin, Kafka, logLevel } from 'kafkajs'
import pino from 'pino'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { connectEventLog, createTopics, type EventLog, type SubscribeOptions } from '../src/index.ts'
import { kafkaClients } from '../src/kafka.ts'

const PARTITIONS = 2
const WAIT = { timeout: 20_000, interval: 20 }
const GROUP = broadcastGroup('edge-1')
const LARGE_BYTES = 200_000
/** Codes of brokers' errors. */
const LOADING = 14
const NOT_COORDINATOR = 16
/** What is written into both partitions. */
const KEYS = ['a', 'b', 'c', 'd', 'e', 'f']

type Asked = (request: object) => Promise<unknown>
const inKafkajs = createRequire(import.meta.url)
const { prototype: broker } = inKafkajs('kafkajs/src/broker') as {
  prototype: Record<'heartbeat' | 'joinGroup' | 'syncGroup', Asked>
}
const { prototype: cluster } = inKafkajs('kafkajs/src/cluster') as {
  prototype: Record<'findGroupCoordinatorMetadata', Asked>
}
const { createErrorFromCode } = inKafkajs('kafkajs/src/protocol/error') as {
  createErrorFromCode: (code: number) => Error
}
const { KafkaJSGroupCoordinatorNotFound, KafkaJSRequestTimeoutError } = inKafkajs('kafkajs/src/errors') as {
  KafkaJSGroupCoordinatorNotFound: new (message: string) => Error
  KafkaJSRequestTimeoutError: new (message: string) => Error
}

suiteOn(['kafka'], 'the full engine on a bad network', () => {
  const logger = pino({ enabled: false })
  const logs: EventLog[] = []
  let server: TestKafka
  let admin: Admin
  let ns: string

  const settings = () =>
    ({ engine: 'full', partitions: PARTITIONS, kafka: { brokers: server.brokers }, namespace: ns }) as const
  const open = async (brokers = server.brokers, telling = logger) => {
    const log = await connectEventLog(
      { ...settings(), kafka: { brokers }, clientId: 'test', sessionTimeoutMs: 10_000 },
      telling,
    )
    logs.push(log)
    return log
  }
  /** Reads `persisted`, alone or with others. */
  const read = async (log: EventLog, changes: Partial<SubscribeOptions> = {}) => {
    const texts = new Set<string>()
    const subscription = await log.subscribe({
      topic: 'persisted',
      group: GROUP,
      from: 'end',
      maxRecords: 100,
      commitIntervalMs: 0,
      onBatch: async ({ records }) => {
        for (const { value } of records) texts.add(String(value))
        return undefined
      },
      onFatal: (error) => {
        throw error
      },
      ...changes,
    })
    return { texts, subscription }
  }
  const append = (log: EventLog, text: string, key = 'k') =>
    log.append('persisted', { key, headers: {}, value: Buffer.from(text) })
  const topicName = (topic: keyof typeof TOPICS) => namespaced(ns, TOPICS[topic].name)
  const committed = async () => {
    const groupId = namespaced(ns, GROUP)
    const [offsets] = await admin.fetchOffsets({ groupId, topics: [topicName('persisted')] })
    return offsets?.partitions.map(({ offset }) => Number(offset)).toSorted((a, b) => a - b)
  }

  beforeAll(async () => {
    server = await kafka()
    admin = new Kafka({ brokers: [...server.brokers], logLevel: logLevel.NOTHING }).admin()
    await admin.connect()
  })
  beforeEach(async () => {
    ns = `${server.namespace}.${namespace()}`
    await createTopics(settings(), logger)
  })
  afterEach(async () => {
    vi.restoreAllMocks()
    await Promise.all(logs.splice(0).map((log) => log.close()))
  })
  afterAll(async () => {
    await admin.disconnect()
    await server[Symbol.asyncDispose]()
  })

  test('a log that was opened while its brokers hung works once they do not', async () => {
    await using relay = await kafkaRelay(server.brokers)
    for (const proxy of relay.proxies) proxy.freeze()
    const opening = open(relay.brokers)
    // Another one follows when the first was not answered in time.
    await expect.poll(() => relay.proxies[0]?.connections, WAIT).toBeGreaterThan(1)
    for (const proxy of relay.proxies) proxy.heal()
    const log = await opening
    const { texts } = await read(log)
    await append(log, 'heard')
    await vi.waitFor(() => expect([...texts]).toEqual(['heard']), WAIT)
  })

  test('who asks while a connection is being made waits for it', async () => {
    await using relay = await kafkaRelay(server.brokers)
    for (const proxy of relay.proxies) proxy.freeze()
    const { admin: other } = kafkaClients('test', { brokers: relay.brokers }, logger)
    const connecting = other.connect()
    await expect.poll(() => relay.proxies[0]?.connections, WAIT).toBe(1)
    const asking = other.fetchTopicMetadata({ topics: [topicName('created')] })
    const failed = asking.catch((error: unknown) => error)
    // The first is given up after a second.
    const again = expect.poll(() => relay.proxies[0]?.connections, WAIT).toBeGreaterThan(1)
    await Promise.race([again, failed])
    for (const proxy of relay.proxies) proxy.heal()
    expect(await failed).toMatchObject({ topics: [{ name: topicName('created') }] })
    await connecting
    await other.disconnect()
  })

  test('a broker that hangs does not keep anybody from the others', async () => {
    const hung = createServer(() => undefined).listen(0, '127.0.0.1')
    await once(hung, 'listening')
    const { port } = hung.address() as AddressInfo
    const log = await open([`127.0.0.1:${port}`, ...server.brokers])
    await append(log, 'heard')
    hung.close()
  })

  test('connections that a firewall forgot are given up', async () => {
    await using relay = await kafkaRelay(server.brokers)
    const log = await open(relay.brokers)
    const { texts } = await read(log)
    await append(log, 'before')
    for (const proxy of relay.proxies) proxy.forget()
    await vi.waitFor(() => append(log, 'after'), WAIT)
    await vi.waitFor(() => expect(texts).toContain('after'), WAIT)
  })

  test('a reply that is cut in the middle comes again', async () => {
    const direct = await open()
    for (const text of KEYS) {
      const value = Buffer.alloc(LARGE_BYTES, text)
      await direct.append('created', { key: 'k', headers: {}, value })
    }
    await using relay = await kafkaRelay(server.brokers)
    const cut = Promise.withResolvers<void>()
    const telling = pino({ level: 'warn' }, { write: (line) => /ECONNRESET/.test(line) && cut.resolve() })
    const log = await open(relay.brokers, telling)
    for (const proxy of relay.proxies) proxy.resetAfter(1.5 * LARGE_BYTES, Number.POSITIVE_INFINITY)
    const { texts } = await read(log, { topic: 'created', from: 'beginning' })
    await cut.promise
    for (const proxy of relay.proxies) proxy.heal()
    await vi.waitFor(() => expect(texts.size).toBe(KEYS.length), WAIT)
  })

  // What a broker was seen to answer that had just begun again, and had not read its groups yet.
  test('a member that its broker sends away while it begins, and knows again, has its partitions', async () => {
    const log = await open()
    const { texts, subscription } = await read(log)
    await vi.waitFor(() => expect(subscription.health().assigned).toBe(PARTITIONS), WAIT)
    vi.spyOn(broker, 'heartbeat').mockRejectedValueOnce(createErrorFromCode(NOT_COORDINATOR))
    const join = vi.spyOn(broker, 'joinGroup').mockRejectedValueOnce(createErrorFromCode(LOADING))
    await vi.waitFor(() => expect(join).toHaveBeenCalled(), WAIT)
    await append(log, 'after')
    await vi.waitFor(() => expect([...texts]).toEqual(['after']), WAIT)
    await vi.waitFor(() => expect(subscription.health().assigned).toBe(PARTITIONS), WAIT)
    await vi.waitFor(async () => expect(await committed()).toEqual([0, 1]), WAIT)
  })

  test('a member that does not hear what it was assigned asks again', async () => {
    const [one, two] = [await open(), await open()]
    const { texts, subscription } = await read(one)
    await read(two)
    await vi.waitFor(() => expect(subscription.health().assigned).toBe(PARTITIONS / 2), WAIT)
    const { syncGroup } = broker
    const sync = vi.spyOn(broker, 'syncGroup').mockImplementationOnce(async function (
      this: unknown,
      request,
    ) {
      await syncGroup.call(this, request)
      throw new KafkaJSRequestTimeoutError('lost')
    })
    await two.close()
    await vi.waitFor(() => expect(sync).toHaveBeenCalled(), WAIT)
    for (const key of KEYS) await append(one, key, key)
    await vi.waitFor(() => expect([...texts].toSorted()).toEqual(KEYS), WAIT)
    expect(subscription.health().assigned).toBe(PARTITIONS)
  })

  test('nobody ends because no coordinator was found', async () => {
    const log = await open()
    let ended: Error | undefined
    const onFatal = (error: Error) => {
      ended = error
    }
    const { texts, subscription } = await read(log, { onFatal })
    await vi.waitFor(() => expect(subscription.health().assigned).toBe(PARTITIONS), WAIT)
    vi.spyOn(broker, 'heartbeat').mockRejectedValueOnce(createErrorFromCode(NOT_COORDINATOR))
    const find = vi
      .spyOn(cluster, 'findGroupCoordinatorMetadata')
      .mockRejectedValueOnce(new KafkaJSGroupCoordinatorNotFound('none'))
    await vi.waitFor(() => expect(find).toHaveBeenCalled(), WAIT)
    await append(log, 'after')
    await vi.waitFor(() => expect([...texts]).toEqual(['after']), WAIT)
    expect(ended).toBeUndefined()
  })
})
