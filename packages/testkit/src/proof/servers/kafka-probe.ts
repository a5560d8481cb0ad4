import { type Admin, Kafka, logLevel } from 'kafkajs'
import type { ControlledBroker } from './controlled-kafka.ts'

const TIMEOUT_MS = 2000
/** Its copies are everywhere, so that whoever can be asked about it serves. */
const TOPIC = 'roomlog-proof-probe'
const GROUP = 'roomlog-proof-probe'

/**
 * Throws unless the brokers that are alive know each other, every partition has a leader that answers, and groups have
 * their coordinator: an open port is long before that.
 */
export async function probeKafka(alive: readonly ControlledBroker[], copies: number): Promise<void> {
  await withAdmin(alive, async (admin) => {
    const { brokers } = await admin.describeCluster()
    const missing = alive.filter(({ id }) => !brokers.some(({ nodeId }) => nodeId === id))
    if (missing.length > 0) throw new Error(`not in yet: ${missing.map(({ id }) => id)}`)
    const topics = await admin.listTopics()
    if (!topics.includes(TOPIC)) {
      const topic = { topic: TOPIC, numPartitions: 1, replicationFactor: copies }
      await admin.createTopics({ topics: [topic], waitForLeaders: false })
    }
    for (const topic of new Set([...topics, TOPIC])) await admin.fetchTopicOffsets(topic)
    await admin.fetchOffsets({ groupId: GROUP, topics: [TOPIC] })
  })
}

/** Kafka's number of the broker that leads; below 0 or undefined: nobody. */
export async function leaderOf(
  alive: readonly ControlledBroker[],
  topic: string,
  partition: number,
): Promise<number | undefined> {
  return withAdmin(alive, async (admin) => {
    const { topics } = await admin.fetchTopicMetadata({ topics: [topic] })
    return topics[0]?.partitions.find(({ partitionId }) => partitionId === partition)?.leader
  })
}

/** A group of which no member is there begins anew with the oldest record of each partition. */
export async function resetGroup(
  alive: readonly ControlledBroker[],
  groupId: string,
  topic: string,
): Promise<void> {
  await withAdmin(alive, async (admin) => {
    const ends = await admin.fetchTopicOffsets(topic)
    const partitions = ends.map(({ partition, low }) => ({ partition, offset: low }))
    await admin.setOffsets({ groupId, topic, partitions })
  })
}

async function withAdmin<T>(
  alive: readonly ControlledBroker[],
  ask: (admin: Admin) => Promise<T>,
): Promise<T> {
  if (alive.length === 0) throw new Error('no broker runs')
  const kafka = new Kafka({
    ...{ clientId: 'roomlog-proof', brokers: alive.map(({ direct }) => direct), logLevel: logLevel.NOTHING },
    ...{ connectionTimeout: TIMEOUT_MS, requestTimeout: TIMEOUT_MS, retry: { retries: 0 } },
  })
  const admin = kafka.admin()
  await admin.connect()
  try {
    return await ask(admin)
  } finally {
    await admin.disconnect()
  }
}
