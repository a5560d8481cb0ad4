import { namespaced, TOPICS, type Topic } from '@roomlog/events'
import type { GuardedKafka, Principal } from '@roomlog/testkit/guarded-kafka'
import {
  AclOperationTypes,
  AclPermissionTypes,
  AclResourceTypes,
  Kafka,
  logLevel,
  ResourcePatternTypes,
} from 'kafkajs'

/** ConfigResourceTypes.TOPIC, which kafkajs exports as a type alone. */
const TOPIC_CONFIG = 2

/** What a principal is allowed, by trying it. Everything rejects with what goes wrong besides. */
export function kafkaRights(kafka: GuardedKafka, principal: Principal, namespace: string) {
  const client = new Kafka({
    brokers: [kafka.broker],
    sasl: kafka.loginOf(principal),
    logLevel: logLevel.NOTHING,
    retry: { retries: 0 },
  })
  const nameOf = (topic: Topic) => namespaced(namespace, TOPICS[topic].name)

  /** Leaves a tombstone where it may. */
  async function writes(topic: Topic): Promise<boolean> {
    const producer = client.producer({ allowAutoTopicCreation: false })
    await producer.connect()
    const messages = [{ value: null }]
    return granted(() => producer.send({ topic: nameOf(topic), acks: -1, messages })).finally(() =>
      producer.disconnect(),
    )
  }

  /** Joins the group, alone, and fetches. */
  async function reads(topic: Topic, group: string): Promise<boolean> {
    const groupId = namespaced(namespace, group)
    const consumer = client.consumer({ groupId, maxWaitTimeInMs: 100, retry: { retries: 0 } })
    const fetched = Promise.withResolvers<void>()
    consumer.on(consumer.events.FETCH, () => fetched.resolve())
    consumer.on(consumer.events.CRASH, ({ payload: { error } }) => fetched.reject(error))
    return granted(async () => {
      await consumer.connect()
      await consumer.subscribe({ topic: nameOf(topic) })
      await consumer.run({ autoCommit: false, eachBatch: async () => undefined })
      await fetched.promise
    }).finally(() => consumer.disconnect())
  }

  /** Of what only who rules the broker may do: what was allowed. */
  async function mayRule(): Promise<readonly string[]> {
    const admin = client.admin()
    await admin.connect()
    const topic = nameOf('created')
    const other = { topic: namespaced(namespace, 'chat.other'), numPartitions: 1 }
    const config = { type: TOPIC_CONFIG, name: topic, configEntries: [{ name: 'retention.ms', value: '1' }] }
    const acl = [{ ...OWN_RULE, principal: `User:${kafka.loginOf(principal).username}` }]
    const acts = {
      'make a topic': () => admin.createTopics({ topics: [other] }),
      'widen a topic': () => admin.createPartitions({ topicPartitions: [{ topic, count: 99 }] }),
      'change a topic': () => admin.alterConfigs({ validateOnly: true, resources: [config] }),
      'remove a topic': () => admin.deleteTopics({ topics: [topic] }),
      'empty a topic': () => admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '0' }] }),
      'forget a group': () => admin.deleteGroups([namespaced(namespace, 'chat-persistor')]),
      'make a rule': () => admin.createAcls({ acl }),
      'see the rules': () => admin.describeAcls(ANY_RULE),
    }
    const allowed: string[] = []
    for (const [what, act] of Object.entries(acts)) if (await granted(act)) allowed.push(what)
    await admin.disconnect()
    return allowed
  }

  return { reads, writes, mayRule }
}

const ANY_RULE = {
  resourceType: AclResourceTypes.ANY,
  resourcePatternType: ResourcePatternTypes.ANY,
  operation: AclOperationTypes.ANY,
  permissionType: AclPermissionTypes.ANY,
}
const OWN_RULE = {
  host: '*',
  permissionType: AclPermissionTypes.ALLOW,
  operation: AclOperationTypes.ALL,
  resourceType: AclResourceTypes.TOPIC,
  resourceName: '*',
  resourcePatternType: ResourcePatternTypes.LITERAL,
}

/** False when the broker says that it is not allowed; throws what else goes wrong. */
async function granted(ask: () => Promise<unknown>): Promise<boolean> {
  try {
    await ask()
    return true
  } catch (error) {
    if (isRefusal(error)) return false
    throw error
  }
}

/** Where kafkajs keeps what was said of each part of a request. */
interface Parts {
  readonly type?: string
  readonly errors?: readonly unknown[]
  readonly partitions?: readonly { readonly error?: unknown }[]
  readonly groups?: readonly { readonly error?: unknown }[]
}

/** kafkajs finds no coordinator where the broker refuses to name it for that group. */
function isRefusal(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const { type, errors = [], partitions = [], groups = [] } = error as Parts
  const parts = [...errors, ...[...partitions, ...groups].map((part) => part.error)]
  return (
    /_AUTHORIZATION_FAILED$/.test(String(type)) ||
    error.name === 'KafkaJSGroupCoordinatorNotFound' ||
    [error.cause, ...parts].some(isRefusal)
  )
}
