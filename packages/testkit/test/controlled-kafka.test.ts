import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Kafka, logLevel } from 'kafkajs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { kafkaProgram } from '../src/kafka-program.ts'
import { treeOf } from '../src/proof/servers/process-tree.ts'
import { type ControlledKafka, controlledKafka, isProduce } from '../src/proof.ts'
import { suiteOnNative } from './suite-on-native.ts'

const TOPIC = 'messages'
const PATIENCE_MS = 120_000

let folder: string
let kafka: ControlledKafka

const clientOf = (brokers: readonly string[], retries = 10) =>
  new Kafka({ brokers: [...brokers], logLevel: logLevel.NOTHING, retry: { retries, initialRetryTime: 50 } })

async function withAdmin<T>(
  brokers: readonly string[],
  ask: (admin: ReturnType<Kafka['admin']>) => Promise<T>,
): Promise<T> {
  const admin = clientOf(brokers).admin()
  await admin.connect()
  try {
    return await ask(admin)
  } finally {
    await admin.disconnect()
  }
}

const makeTopic = () =>
  withAdmin(kafka.brokers, (admin) =>
    admin.createTopics({ topics: [{ topic: TOPIC, numPartitions: 1 }], waitForLeaders: true }),
  )

/** Of the records that are stored, asked past the relays. */
const count = () =>
  withAdmin(kafka.direct, async (admin) => Number((await admin.fetchTopicOffsets(TOPIC))[0]?.high))

async function send(retries: number): Promise<void> {
  const producer = clientOf(kafka.brokers, retries).producer()
  await producer.connect()
  try {
    await producer.send({ topic: TOPIC, acks: -1, messages: [{ value: 'hello' }] })
  } finally {
    await producer.disconnect()
  }
}

const pids = () => kafka.nodes.map(({ pid = 0 }) => pid)

async function disposeAndLook(): Promise<void> {
  const before = pids()
  await kafka[Symbol.asyncDispose]()
  for (const pid of before) expect(await treeOf(pid)).toEqual([])
  expect(await readdir(folder)).toEqual([])
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'roomlog-test-controlled-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

suiteOnNative('kafka', kafkaProgram, 'a controlled Kafka of one broker', () => {
  beforeAll(async () => {
    kafka = await controlledKafka({ brokers: 1, folder })
    await makeTopic()
  }, PATIENCE_MS)
  afterAll(() => kafka[Symbol.asyncDispose]())

  test('is reached by clients through its relay only', async () => {
    const { brokers } = await withAdmin(kafka.brokers, (admin) => admin.describeCluster())
    expect(brokers.map(({ host, port }) => `${host}:${port}`)).toEqual(kafka.brokers)
    expect(kafka.brokers).not.toEqual(kafka.direct)
    kafka.nodes[0]?.relay.cut()
    await expect(send(0)).rejects.toThrow()
    kafka.nodes[0]?.relay.heal()
    await send(5)
    expect(await count()).toBe(1)
  })

  test('keeps what was acknowledged through kill -9, on the same address', async () => {
    const before = await count()
    await send(5)
    await kafka.kill()
    await expect(send(0)).rejects.toThrow()
    await kafka.start()
    await kafka.ready()
    expect(await count()).toBe(before + 1)
    await send(5)
    expect(await count()).toBe(before + 2)
  })

  test('answers nothing while it is paused, and everything when it is resumed', async () => {
    const before = await count()
    await kafka.pause()
    let answered = false
    const sent = send(10).finally(() => {
      answered = true
    })
    // The relay takes the connection; what is behind it does not answer.
    await expect.poll(() => kafka.nodes[0]?.relay.connections).toBeGreaterThan(0)
    expect(answered).toBe(false)
    await kafka.resume()
    await sent
    expect(await count()).toBe(before + 1)
  })

  test('stores what a produce request brings although its reply is lost', async () => {
    const before = await count()
    const lost = kafka.nodes[0]?.relay.loseNextReply(isProduce)
    await expect(send(0)).rejects.toThrow()
    expect(await lost).toBe(true)
    expect(await count()).toBe(before + 1)
  })

  test('puts a group back to the beginning', async () => {
    const group = { groupId: 'readers', topic: TOPIC }
    const committed = () =>
      withAdmin(kafka.direct, async (admin) => {
        const [offsets] = await admin.fetchOffsets({ groupId: group.groupId, topics: [TOPIC] })
        return offsets?.partitions[0]?.offset
      })
    const partitions = [{ partition: 0, offset: String(await count()) }]
    await withAdmin(kafka.direct, (admin) => admin.setOffsets({ ...group, partitions }))
    expect(await committed()).toBe(partitions[0]?.offset)
    await kafka.resetGroup(group.groupId, group.topic)
    expect(await committed()).toBe('0')
  })

  test('leaves no process and no folder behind', disposeAndLook)
})

suiteOnNative('kafka', kafkaProgram, 'a controlled Kafka of three brokers', () => {
  beforeAll(async () => {
    kafka = await controlledKafka({ brokers: 3, folder })
    await makeTopic()
  }, PATIENCE_MS)
  afterAll(() => kafka[Symbol.asyncDispose]())

  test(
    'has another leader, and everything, when the leader is killed',
    async () => {
      await send(5)
      const leader = await kafka.leaderOf(TOPIC, 0)
      await leader.kill()
      await kafka.ready()
      const next = await kafka.leaderOf(TOPIC, 0)
      expect(next.id).not.toBe(leader.id)
      await send(5)
      expect(await withAdmin([next.direct], (admin) => admin.fetchTopicOffsets(TOPIC))).toMatchObject([
        { high: '2' },
      ])
      await leader.start()
      await kafka.ready()
      expect(kafka.nodes.every(({ pid }) => pid !== undefined)).toBe(true)
    },
    PATIENCE_MS,
  )

  test('leaves no process and no folder behind', disposeAndLook)
})
