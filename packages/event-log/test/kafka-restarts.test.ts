import { type ControlledKafka, controlledKafka } from '@roomlog/testkit/proof'
import pino from 'pino'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { kafkaProgram } from '../../testkit/src/kafka-program.ts'
import { suiteOnNative } from '../../testkit/test/suite-on-native.ts'
import { connectEventLog, createTopics, type EventLog } from '../src/index.ts'

const PARTITIONS = 4
/** Longer than anybody waits here: whoever has to sit it out fails. */
const SESSION_TIMEOUT_MS = 60_000
const WAIT = { timeout: 15_000, interval: 50 }
const KEYS = Array.from({ length: 8 * PARTITIONS }, (_, i) => `key-${i}`)

suiteOnNative('kafka', kafkaProgram, 'two members of a group whose broker is killed', () => {
  const logger = pino({ enabled: false })
  const logs: EventLog[] = []
  let kafka: ControlledKafka

  const settings = () =>
    ({ engine: 'full', partitions: PARTITIONS, kafka: { brokers: kafka.brokers }, namespace: 'n' }) as const
  const open = async (clientId: string) => {
    const log = await connectEventLog(
      { ...settings(), clientId, sessionTimeoutMs: SESSION_TIMEOUT_MS },
      logger,
    )
    logs.push(log)
    return log
  }
  const join = (log: EventLog, texts: Set<string>) =>
    log.subscribe({
      topic: 'created',
      group: 'shared',
      from: 'beginning',
      maxRecords: 100,
      commitIntervalMs: 0,
      onBatch: async ({ records }) => {
        for (const { value } of records) texts.add(String(value))
        return undefined
      },
      onFatal: (error) => {
        throw error
      },
    })
  const append = async (log: EventLog, text: string) => {
    const texts = KEYS.map((key) => `${text} ${key}`)
    await Promise.all(
      KEYS.map((key, i) => log.append('created', { key, headers: {}, value: Buffer.from(texts[i] ?? '') })),
    )
    return texts
  }
  /** Nobody can take leave of it: what is connected hears of its end, and nobody reaches it before it is back. */
  const restart = async () => {
    const relays = kafka.nodes.map(({ relay }) => relay)
    for (const relay of relays) relay.cut()
    await kafka.kill()
    await kafka.start()
    await kafka.ready()
    for (const relay of relays) relay.heal()
  }

  beforeAll(async () => {
    kafka = await controlledKafka({ brokers: 1 })
    await createTopics(settings(), logger)
  })
  afterAll(async () => {
    await Promise.all(logs.map((log) => log.close()))
    await kafka[Symbol.asyncDispose]()
  })

  test('go on with every partition when it is back, however often, without waiting for who they were', async () => {
    const [one, two] = [await open('one'), await open('two')]
    const seen = new Set<string>()
    const members = [await join(one, seen), await join(two, seen)]
    await vi.waitFor(() => {
      expect(members.map((member) => member.health().assigned)).toEqual([PARTITIONS / 2, PARTITIONS / 2])
    }, WAIT)
    for (const time of ['first', 'second']) {
      await restart()
      const appended = await append(one, time)
      await vi.waitFor(() => expect([...seen]).toEqual(expect.arrayContaining(appended)), WAIT)
    }
  }, 120_000)
})
