import { setTimeout as delay } from 'node:timers/promises'
import { namespaced, TOPICS } from '@roomlog/events'
import { EventLogError, topicProblem } from '../errors.ts'
import { type Admin, protocolErrorType } from '../kafka.ts'

/** A broker may not have heard yet of a topic that another has just made. */
const LOOKS = 5
/** What was just made comes, on a slow machine after seconds. */
export const LOOKS_AFTER_MAKING = 100
const LOOK_AGAIN_MS = 300
const REPLICATION_DEFAULT = 3
/** A dead letter is a record another could hardly append, and its headers: it must fit all the same. */
const DEAD_LETTER_MAX_BYTES = 2 * 1024 * 1024

/** Rejects with an `EventLogError` when a topic is missing or has another number of partitions. */
export async function verifyTopics(
  admin: Admin,
  namespace: string,
  partitions: number,
  looks = LOOKS,
): Promise<void> {
  const wanted = Object.values(TOPICS).map(({ name }) => namespaced(namespace, name))
  for (let look = 1; ; look += 1) {
    const found = await partitionCounts(admin, wanted)
    const problems = wanted.map((topic) => topicProblem(topic, found.get(topic) ?? 0, partitions))
    const [problem] = problems.filter((it) => it !== undefined)
    if (problem === undefined) return
    if (look >= looks || problem.code !== 'topic_missing') throw problem
    await delay(LOOK_AGAIN_MS)
  }
}

/** By list, because asking for one that does not exist is an error whether it is missing or just being made. */
async function partitionCounts(
  admin: Admin,
  wanted: readonly string[],
): Promise<ReadonlyMap<string, number>> {
  const existing = new Set(await admin.listTopics())
  const topics = wanted.filter((topic) => existing.has(topic))
  if (topics.length === 0) return new Map()
  const metadata = await admin.fetchTopicMetadata({ topics })
  return new Map(metadata.topics.map(({ name, partitions }) => [name, partitions.length]))
}

export interface KafkaTopicSettings {
  readonly namespace: string
  readonly partitions: number
  /** Default: 3, or as many brokers as there are. */
  readonly replicationFactor?: number | undefined
}

/** Makes the topics that are missing and adds their names to `created`; safe to repeat and to race. */
export async function createKafkaTopics(
  admin: Admin,
  { namespace, partitions, replicationFactor }: KafkaTopicSettings,
  created: Set<string>,
): Promise<void> {
  const { brokers } = await admin.describeCluster()
  const replicas = replicationFactor ?? Math.min(REPLICATION_DEFAULT, brokers.length)
  const existing = new Set(await admin.listTopics())
  for (const [topic, { name, retentionMs }] of Object.entries(TOPICS)) {
    const fullName = namespaced(namespace, name)
    if (existing.has(fullName)) continue
    const configEntries = [
      { name: 'retention.ms', value: String(retentionMs) },
      { name: 'cleanup.policy', value: 'delete' },
      // With three copies one may be away; with fewer none can be spared without stopping.
      { name: 'min.insync.replicas', value: String(Math.max(1, replicas - 1)) },
      ...(topic === 'deadLetters'
        ? [{ name: 'max.message.bytes', value: String(DEAD_LETTER_MAX_BYTES) }]
        : []),
    ]
    const made = await createTopic(admin, {
      topic: fullName,
      numPartitions: partitions,
      replicationFactor: replicas,
      configEntries,
    })
    if (made) created.add(fullName)
  }
}

type NewTopic = Parameters<Admin['createTopics']>[0]['topics'][number]

/** Resolves false when a twin made it at the same time. */
async function createTopic(admin: Admin, topic: NewTopic): Promise<boolean> {
  try {
    return await admin.createTopics({ topics: [topic], waitForLeaders: true })
  } catch (error) {
    // kafkajs may fail to find the leaders of the topic it has just made.
    if (protocolErrorType(error) === 'UNKNOWN_TOPIC_OR_PARTITION') return true
    if (protocolErrorType(error) === 'INVALID_REPLICATION_FACTOR') {
      const message = `Kafka cannot keep ${topic.replicationFactor} copies of ${topic.topic}: it has fewer brokers.`
      throw new EventLogError('bad_settings', message, { cause: error })
    }
    throw error
  }
}
