import { broadcastGroup, namespaced, TOPICS } from '@roomlog/events'
import { freePort, kafka, namespace, suiteOn, type TestKafka } from '@roomlog/testkit'
import { kafkaRelay } from '@roomlog/testkit/proof'
import { type Admin, ConfigResourceTypes, Kafka, logLevel } from 'kafkajs'
import pino from 'pino'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { connectEventLog, createTopics, type EventLog, type SubscribeOptions } from '../src/index.ts'

const PARTITIONS = 2
const WAIT = { timeout: 15_000, interval: 20 }
/** What an edge has for it: 18 s until it is ended by force, less a drain of 10 s. */
const CLOSE_BOUND_MS = 8_000
const GROUP = broadcastGroup('edge-1')

suiteOn(['kafka'], 'the full engine', () => {
  const logger = pino({ enabled: false })
  const logs: EventLog[] = []
  let server: TestKafka
  let admin: Admin
  let ns: string

  const settings = () =>
    ({ engine: 'full', partitions: PARTITIONS, kafka: { brokers: server.brokers }, namespace: ns }) as const
  const open = async (brokers = server.brokers) => {
    const log = await connectEventLog(
      { ...settings(), kafka: { brokers }, clientId: 'test', sessionTimeoutMs: 20_000 },
      logger,
    )
    logs.push(log)
    return log
  }
  const options = (onBatch: SubscribeOptions['onBatch']): SubscribeOptions => ({
    topic: 'persisted',
    group: GROUP,
    from: 'end',
    maxRecords: 100,
    commitIntervalMs: 0,
    onBatch,
    onFatal: (error) => {
      throw error
    },
  })
  const reader = () => {
    const texts: string[] = []
    const onBatch: SubscribeOptions['onBatch'] = async ({ records }) => {
      texts.push(...records.map(({ value }) => String(value)))
      return undefined
    }
    return { texts, onBatch }
  }
  const append = (log: EventLog, text: string) =>
    log.append('persisted', { key: 'k', headers: {}, value: Buffer.from(text) })
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
    await Promise.all(logs.splice(0).map((log) => log.close()))
  })
  afterAll(async () => {
    await admin.disconnect()
    await server[Symbol.asyncDispose]()
  })

  test('topics are made once, also by racing runs, and keep records as long as they say', async () => {
    ns = `${server.namespace}.${namespace()}`
    const runs = await Promise.all([1, 2, 3].map(() => createTopics(settings(), logger)))
    const names = Object.keys(TOPICS).map((topic) => topicName(topic as keyof typeof TOPICS))
    expect(new Set(runs.flatMap(({ created }) => created))).toEqual(new Set(names))
    expect(await createTopics(settings(), logger)).toEqual({ created: [] })
    for (const topic of Object.keys(TOPICS) as (keyof typeof TOPICS)[]) {
      const { resources } = await admin.describeConfigs({
        resources: [
          { type: ConfigResourceTypes.TOPIC, name: topicName(topic), configNames: ['retention.ms'] },
        ],
        includeSynonyms: false,
      })
      expect(resources[0]?.configEntries[0]?.configValue).toBe(String(TOPICS[topic].retentionMs))
    }
  })

  test('another number of partitions, or none, or too many copies, is refused with the way out', async () => {
    await expect(createTopics({ ...settings(), partitions: 5 }, logger)).rejects.toMatchObject({
      code: 'partition_mismatch',
    })
    ns = `${server.namespace}.${namespace()}`
    await expect(open()).rejects.toMatchObject({
      code: 'topic_missing',
      message: expect.stringContaining('npm run topics'),
    })
    await expect(createTopics({ ...settings(), replicationFactor: 9 }, logger)).rejects.toMatchObject({
      code: 'bad_settings',
    })
  })

  test('waits for brokers that are away until told to stop', async () => {
    const opening = connectEventLog(
      {
        ...settings(),
        kafka: { brokers: [`localhost:${await freePort()}`] },
        clientId: 'test',
        sessionTimeoutMs: 6000,
        signal: AbortSignal.timeout(300),
      },
      logger,
    )
    await expect(opening).rejects.toMatchObject({ name: 'TimeoutError' })
  })

  test('an opening ends when told to, also one whose brokers take connections and say nothing', async () => {
    await using relay = await kafkaRelay(server.brokers)
    for (const proxy of relay.proxies) proxy.freeze()
    const abort = new AbortController()
    const opening = connectEventLog(
      {
        ...settings(),
        kafka: { brokers: relay.brokers },
        clientId: 'test',
        sessionTimeoutMs: 6000,
        signal: abort.signal,
      },
      logger,
    )
    const rejected = expect(opening).rejects.toThrow('stop')
    await expect.poll(() => relay.proxies[0]?.connections, WAIT).toBeGreaterThan(0)
    const bound = AbortSignal.timeout(CLOSE_BOUND_MS)
    abort.abort(new Error('stop'))
    await rejected
    expect(bound.aborted).toBe(false)
  })

  test('a close comes to its end while its brokers hang', async () => {
    await using relay = await kafkaRelay(server.brokers)
    const log = await open(relay.brokers)
    await log.subscribe(options(reader().onBatch))
    for (const proxy of relay.proxies) proxy.freeze()
    const bound = AbortSignal.timeout(CLOSE_BOUND_MS)
    const [appended] = await Promise.allSettled([append(log, 'x'), log.close()])
    expect(bound.aborted).toBe(false)
    expect(appended).toMatchObject({ status: 'rejected', reason: { outcome: 'unknown' } })
  })

  test('a group that begins at the end commits that place before it has handled anything', async () => {
    const log = await open()
    await append(log, 'old')
    await log.subscribe(options(reader().onBatch))
    expect(await committed()).toEqual([0, 1])
  })

  test('positions are committed within the interval, also when nothing follows', async () => {
    const log = await open()
    const { texts, onBatch } = reader()
    await log.subscribe({ ...options(onBatch), commitIntervalMs: 300 })
    await append(log, 'only')
    await vi.waitFor(() => expect(texts).toEqual(['only']), WAIT)
    await vi.waitFor(async () => expect(await committed()).toEqual([0, 1]), WAIT)
  })

  test('a position below the oldest record jumps to it, not to the end', async () => {
    const log = await open()
    const first = reader()
    const subscription = await log.subscribe(options(first.onBatch))
    await append(log, 'seen')
    await vi.waitFor(() => expect(first.texts).toEqual(['seen']), WAIT)
    await subscription.stop()
    for (const text of ['trimmed', 'oldest', 'newest']) await append(log, text)
    const topic = topicName('persisted')
    const ends = await admin.fetchTopicOffsets(topic)
    const { partition } = ends.find(({ high }) => high === '4') ?? { partition: -1 }
    await admin.deleteTopicRecords({ topic, partitions: [{ partition, offset: '2' }] })
    const second = reader()
    const successor = await log.subscribe(options(second.onBatch))
    await successor.caughtUp
    expect(second.texts).toEqual(['oldest', 'newest'])
  })

  test('a subscribing that waits for its group ends when the log is closed', async () => {
    const group = 'shared'
    const holder = new Kafka({ brokers: [...server.brokers], logLevel: logLevel.NOTHING }).consumer({
      groupId: namespaced(ns, group),
    })
    const begun = Promise.withResolvers<void>()
    const gate = Promise.withResolvers<void>()
    await holder.connect()
    await holder.subscribe({ topic: topicName('persisted'), fromBeginning: true })
    await holder.run({
      eachMessage: async () => {
        begun.resolve()
        await gate.promise
      },
    })
    const log = await open()
    await append(log, 'x')
    // A member that works without a sign of life keeps whoever joins waiting.
    await begun.promise
    const waiting = expect(log.subscribe({ ...options(reader().onBatch), group })).rejects.toMatchObject({
      code: 'closed',
    })
    await vi.waitFor(async () => {
      const { groups } = await admin.describeGroups([namespaced(ns, group)])
      expect(groups[0]?.state).toBe('PreparingRebalance')
    }, WAIT)
    await log.close()
    await waiting
    gate.resolve()
    await holder.disconnect()
  })

  test('a long handler hears that the group is about to share, and what it breaks off comes again', async () => {
    const [one, two] = [await open(), await open()]
    const begun = Promise.withResolvers<void>()
    const broken = Promise.withResolvers<{ readonly aborted: boolean }>()
    const texts: string[] = []
    await one.subscribe({
      ...options(async ({ records }, { heartbeat, signal }) => {
        texts.push(...records.map(({ value }) => String(value)))
        if (texts.length > 1) return undefined
        begun.resolve()
        for (;;) {
          await new Promise((resolve) => setTimeout(resolve, 100))
          await heartbeat().catch((error) => {
            broken.resolve({ aborted: signal.aborted })
            throw error
          })
        }
      }),
      topic: 'created',
      group: 'shared',
      from: 'beginning',
    })
    await one.append('created', { key: 'k', headers: {}, value: Buffer.from('x') })
    await begun.promise
    const second = reader()
    await two.subscribe({ ...options(second.onBatch), topic: 'created', group: 'shared', from: 'beginning' })
    expect(await broken.promise).toEqual({ aborted: true })
    await vi.waitFor(() => expect([...texts, ...second.texts]).toEqual(['x', 'x']), WAIT)
  })
})
