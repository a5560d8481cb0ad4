import type { Tables } from '@roomlog/db'
import { namespaced, TOPICS, type Topic } from '@roomlog/events'
import { Kafka, logLevel } from 'kafkajs'
import type { Kysely } from 'kysely'

/** Where a partition ends and how far its groups are, as the log itself keeps it. */
export interface Positions extends AsyncDisposable {
  /** The offset that the next record gets. */
  end(topic: Topic, partition: number): Promise<number>
  /** What the group has committed; undefined when nothing. */
  committed(group: string, topic: Topic, partition: number): Promise<number | undefined>
  /** Moves the position of a group that has no member now. */
  move(group: string, topic: Topic, partition: number, offset: number): Promise<void>
}

export async function kafkaPositions(brokers: readonly string[], ns: string): Promise<Positions> {
  const kafka = new Kafka({ brokers: [...brokers], logLevel: logLevel.NOTHING })
  const admin = kafka.admin()
  await admin.connect()
  const nameOf = (topic: Topic) => namespaced(ns, TOPICS[topic].name)
  return {
    end: async (topic, partition) => {
      const offsets = await admin.fetchTopicOffsets(nameOf(topic))
      return Number(offsets.find((it) => it.partition === partition)?.high)
    },
    committed: async (group, topic, partition) => {
      const [answer] = await admin.fetchOffsets({ groupId: namespaced(ns, group), topics: [nameOf(topic)] })
      const offset = Number(answer?.partitions.find((it) => it.partition === partition)?.offset)
      return offset >= 0 ? offset : undefined
    },
    // As a member for a moment: the admin client's way waits 5 s for records.
    move: async (group, topic, partition, offset) => {
      const consumer = kafka.consumer({ groupId: namespaced(ns, group), maxWaitTimeInMs: 100 })
      const joined = Promise.withResolvers<unknown>()
      consumer.on(consumer.events.GROUP_JOIN, joined.resolve)
      await consumer.connect()
      await consumer.subscribe({ topic: nameOf(topic) })
      await consumer.run({ autoCommit: false, eachBatch: async () => undefined })
      await joined.promise
      await consumer.commitOffsets([{ topic: nameOf(topic), partition, offset: String(offset) }])
      await consumer.disconnect()
    },
    [Symbol.asyncDispose]: () => admin.disconnect(),
  }
}

export function postgresPositions(db: Kysely<Tables>): Positions {
  return {
    end: async (topic, partition) => {
      const head = await db
        .selectFrom('engine.log_heads')
        .select('next_offset')
        .where('topic', '=', TOPICS[topic].name)
        .where('partition', '=', partition)
        .executeTakeFirstOrThrow()
      return head.next_offset
    },
    committed: async (group, topic, partition) => {
      const cursor = await db
        .selectFrom('engine.log_cursors')
        .select('next_offset')
        .where('group', '=', group)
        .where('topic', '=', TOPICS[topic].name)
        .where('partition', '=', partition)
        .executeTakeFirst()
      return cursor?.next_offset ?? undefined
    },
    move: async (group, topic, partition, offset) => {
      await db
        .updateTable('engine.log_cursors')
        .set({ next_offset: offset })
        .where('group', '=', group)
        .where('topic', '=', TOPICS[topic].name)
        .where('partition', '=', partition)
        .execute()
    },
    [Symbol.asyncDispose]: async () => undefined,
  }
}
