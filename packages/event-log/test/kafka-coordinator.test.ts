import { type ControlledKafka, controlledKafka } from '@roomlog/testkit/proof'
import pino from 'pino'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { kafkaProgram } from '../../testkit/src/kafka-program.ts'
import { suiteOnNative } from '../../testkit/test/suite-on-native.ts'
import { connectEventLog, createTopics } from '../src/index.ts'

const PARTITIONS = 4
/** Much shorter than the killed broker stays away, which is for good. */
const WAIT = { timeout: 45_000, interval: 50 }

suiteOnNative('kafka', kafkaProgram, 'a group on three brokers', () => {
  const logger = pino({ enabled: false })
  let kafka: ControlledKafka
  const settings = () =>
    ({ engine: 'full', partitions: PARTITIONS, kafka: { brokers: kafka.brokers }, namespace: 'n' }) as const

  beforeAll(async () => {
    kafka = await controlledKafka({ brokers: 3 })
    await createTopics(settings(), logger)
  }, 120_000)
  afterAll(() => kafka[Symbol.asyncDispose]())

  test('goes on, and keeps its positions, when the one that kept them is killed and stays away', async () => {
    await using log = closing(
      await connectEventLog({ ...settings(), clientId: 'one', sessionTimeoutMs: 10_000 }, logger),
    )
    const join = async (seen: Set<string>) => {
      const member = await log.it.subscribe({
        topic: 'created',
        group: 'shared',
        from: 'beginning',
        maxRecords: 100,
        commitIntervalMs: 0,
        onBatch: async ({ records }) => {
          for (const { value } of records) seen.add(String(value))
          return undefined
        },
        onFatal: (error) => {
          throw error
        },
      })
      await vi.waitFor(
        () => expect(member.health()).toMatchObject({ assigned: PARTITIONS, connected: true }),
        WAIT,
      )
      return member
    }
    const append = async (text: string) => {
      const texts = Array.from({ length: 8 * PARTITIONS }, (_, i) => `${text} ${i}`)
      const records = texts.map((it, i) => ({ key: `key-${i}`, headers: {}, value: Buffer.from(it) }))
      await log.it.appendAll('created', records, AbortSignal.timeout(WAIT.timeout))
      return texts
    }
    const seen = new Set<string>()
    const member = await join(seen)
    const before = await append('before')
    await vi.waitFor(() => expect([...seen]).toEqual(expect.arrayContaining(before)), WAIT)

    const coordinator = await kafka.leaderOf('__consumer_offsets', 0)
    await coordinator.kill()

    const after = await append('after')
    await vi.waitFor(() => expect([...seen]).toEqual(expect.arrayContaining(after)), WAIT)
    await vi.waitFor(
      () => expect(member.health()).toMatchObject({ assigned: PARTITIONS, connected: true }),
      WAIT,
    )
    await member.stop()
    const later = new Set<string>()
    await join(later)
    const last = await append('last')
    await vi.waitFor(() => expect([...later]).toEqual(expect.arrayContaining(last)), WAIT)
    expect(later.size).toBe(last.length)
  }, 240_000)
})

function closing<T extends { close(): Promise<void> }>(it: T) {
  return { it, [Symbol.asyncDispose]: () => it.close() }
}
