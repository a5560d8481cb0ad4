import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { Consumer, EachBatchPayload } from '../kafka.ts'
import type { ReadOptions } from '../reader.ts'
import { RangeRead } from './range-read.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

type EachBatch = (payload: EachBatchPayload) => Promise<void>

/** Reads offsets 0 to 3 of partition 0; `deliver` is the broker's. */
function readOf(onRecords: ReadOptions['onRecords']) {
  const delivery = Promise.withResolvers<EachBatch>()
  const fake: Pick<Consumer, 'connect' | 'subscribe' | 'run' | 'disconnect'> & object = {
    connect: async () => undefined,
    subscribe: async () => undefined,
    run: async ({ eachBatch } = {}) => delivery.resolve(eachBatch as EachBatch),
    disconnect: async () => undefined,
  }
  const consumer = { ...fake, events: {}, on: () => undefined } as unknown as Consumer
  const ranges = new Map([[0, { from: 0n, end: 4n }]])
  const read = new RangeRead(consumer, 'topic', 1, { ranges, onRecords })
  const done = read.run().then(
    () => 'read',
    (error: Error) => error.message,
  )
  const deliver = async (...offsets: readonly number[]) => {
    const messages = offsets.map((offset) => ({
      offset: String(offset),
      timestamp: '0',
      key: null,
      value: null,
    }))
    const payload = {
      batch: { partition: 0, messages },
      isRunning: () => true,
      isStale: () => false,
      resolveOffset: () => undefined,
      heartbeat: async () => undefined,
      pause: () => undefined,
    }
    await (await delivery.promise)(payload as unknown as EachBatchPayload)
  }
  return { done, deliver }
}

test('a handler that takes its time is no stall of the broker', async () => {
  const { done, deliver } = readOf(() => new Promise((resolve) => setTimeout(resolve, 25_000)))
  void deliver(0, 1).then(() => deliver(2, 3))
  await vi.advanceTimersByTimeAsync(60_000)
  expect(await done).toBe('read')
})

test('a broker that gives nothing for long ends the read, at the beginning and in the middle', async () => {
  const [begun, deaf] = [readOf(async () => undefined), readOf(async () => undefined)]
  await begun.deliver(0, 1)
  await vi.advanceTimersByTimeAsync(21_000)
  for (const { done } of [begun, deaf]) expect(await done).toMatch('Kafka has given nothing of topic')
})
