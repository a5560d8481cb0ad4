import { pino } from 'pino'
import { expect, test, vi } from 'vitest'
import type { Admin, Producer } from '../kafka.ts'
import { Produce } from './produce.ts'

const LEADERS = [1, 1, 2]

/** A producer whose requests are noted; of a partition in `failing` each fails. */
function kafka(failing: ReadonlySet<number> = new Set()) {
  const requests: string[] = []
  const producer: Pick<Producer, 'sendBatch'> = {
    sendBatch: async ({ topicMessages = [] }) => {
      const all = topicMessages.flatMap(({ topic, messages }) =>
        messages.map(({ partition = -1 }) => ({ topic, partition })),
      )
      requests.push(all.map(({ topic, partition }) => `${topic}:${partition}`).join())
      if (all.some(({ partition }) => failing.has(partition))) throw new Error('no leader')
      return all.map(({ topic, partition }) => ({
        ...{ topicName: topic, partition, errorCode: 0, baseOffset: partition === 9 ? '-1' : '0' },
      }))
    },
  }
  const partitions = LEADERS.map((leader, partitionId) => ({ leader, partitionId }))
  const admin = { fetchTopicMetadata: async () => ({ topics: [{ name: 't', partitions }] }) }
  const subject = new Produce(producer as Producer, admin as unknown as Admin, pino({ level: 'silent' }))
  const send = (...of: readonly number[]) =>
    Promise.allSettled(
      of.map((partition) => subject.send({ topic: 't', partition, messages: [{ partition, value: 'x' }] })),
    )
  /** What was asked since. */
  const sent = () => requests.splice(0)
  return { send, sent }
}

const statuses = (results: readonly PromiseSettledResult<void>[]) => results.map(({ status }) => status)

test('what comes together and has one leader goes in one request', async () => {
  const { send, sent } = kafka()
  await send(0)
  sent()
  expect(statuses(await send(0, 1, 2, 1))).toEqual(Array(4).fill('fulfilled'))
  expect(sent()).toEqual(['t:0,t:1,t:1', 't:2'])
})

test('until it is known who leads, each goes alone', async () => {
  const { send, sent } = kafka()
  await send(0, 1)
  expect(sent()).toEqual(['t:0', 't:1'])
})

test('after a failure each goes alone for a while', async () => {
  vi.useFakeTimers({ toFake: ['performance'] })
  const failing = new Set([1])
  const { send, sent } = kafka(failing)
  await send(0)
  sent()
  expect(statuses(await send(0, 1))).toEqual(['rejected', 'rejected'])
  expect(statuses(await send(0, 1))).toEqual(['fulfilled', 'rejected'])
  failing.clear()
  vi.advanceTimersByTime(9_000)
  await send(0, 1)
  expect(sent()).toEqual(['t:0,t:1', 't:0', 't:1', 't:0', 't:1'])
  vi.advanceTimersByTime(1_000)
  await send(0, 1)
  expect(sent()).toEqual(['t:0,t:1'])
  vi.useRealTimers()
})

test('an answer without an offset is none', async () => {
  const { send } = kafka()
  expect(statuses(await send(0, 9))).toEqual(['fulfilled', 'rejected'])
})
