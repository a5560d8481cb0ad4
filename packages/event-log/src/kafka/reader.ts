import { randomUUID } from 'node:crypto'
import { namespaced, TOPICS, type Topic } from '@roomlog/events'
import type { Logger } from 'pino'
import { groupInUse } from '../errors.ts'
import { type KafkaClients, type KafkaSettings, kafkaClients } from '../kafka.ts'
import type { LogReader, Positions, Ranges, ReadOptions } from '../reader.ts'
import { Committer, patiently, positionsOf } from './positions.ts'
import { RangeRead } from './range-read.ts'
import { verifyTopics } from './topics.ts'

/** Each read has a group of its own below this name, which brokers forget with its member. */
const READER_GROUP = 'chat-reader'
const SESSION_TIMEOUT_MS = 30_000

export interface KafkaReaderSettings {
  readonly kafka: KafkaSettings
  readonly namespace: string
  readonly partitions: number
  readonly clientId: string
}

export async function openKafkaReader(settings: KafkaReaderSettings, logger: Logger): Promise<LogReader> {
  const { kafka, clientId, namespace, partitions } = settings
  const clients = kafkaClients(clientId, kafka, logger)
  try {
    await clients.admin.connect()
    await verifyTopics(clients.admin, namespace, partitions)
  } catch (error) {
    await clients.admin.disconnect()
    throw error
  }
  return new KafkaReader(settings, clients)
}

class KafkaReader implements LogReader {
  readonly partitions: number
  readonly #namespace: string
  readonly #clients: KafkaClients
  readonly #committers = new Map<string, Committer>()

  constructor({ partitions, namespace }: KafkaReaderSettings, clients: KafkaClients) {
    this.partitions = partitions
    this.#namespace = namespace
    this.#clients = clients
  }

  async bounds(topic: Topic): Promise<Ranges> {
    const offsets = await this.#clients.admin.fetchTopicOffsets(this.#topic(topic))
    return new Map(
      offsets.map(({ partition, low, high }) => [partition, { from: BigInt(low), end: BigInt(high) }]),
    )
  }

  async offsetsAt(topic: Topic, time: Date): Promise<Positions> {
    const { admin } = this.#clients
    const offsets = await admin.fetchTopicOffsetsByTimestamp(this.#topic(topic), time.getTime())
    return new Map(offsets.map(({ partition, offset }) => [partition, BigInt(offset)]))
  }

  async read(topic: Topic, { ranges, onRecords }: ReadOptions): Promise<void> {
    if ([...ranges.values()].every(({ from, end }) => from >= end)) return
    // What retention has removed up to its end would never come.
    const kept = await this.bounds(topic)
    const wanted = [...ranges].map(([partition, { from, end }]) => {
      const low = kept.get(partition)?.from ?? 0n
      return [partition, { from: from > low ? from : low, end }] as const
    })
    const group = this.#group(`${READER_GROUP}.${randomUUID()}`)
    const consumer = this.#clients.consumer(group, SESSION_TIMEOUT_MS)
    await new RangeRead(consumer, this.#topic(topic), this.partitions, {
      ranges: new Map(wanted),
      onRecords,
    }).run()
  }

  async positions(group: string, topic: Topic): Promise<Positions> {
    const found = await positionsOf(this.#clients.admin, this.#group(group), this.#topic(topic))
    if (found.size === 0) return found
    const bounds = await this.bounds(topic)
    return new Map([...found].filter(([partition, at]) => at <= (bounds.get(partition)?.end ?? 0n)))
  }

  async commit(group: string, topic: Topic, positions: Positions): Promise<void> {
    const ahead = async () => {
      const known = await this.positions(group, topic)
      return new Map([...positions].filter(([partition, to]) => to > (known.get(partition) ?? -1n)))
    }
    if ((await ahead()).size === 0) return
    const committer = await this.#join(group, topic)
    // Joining takes a while, in which another may have gone further.
    await committer.commit(this.#topic(topic), await ahead())
  }

  async members(group: string): Promise<number> {
    const name = this.#group(group)
    const { groups } = await patiently(() => this.#clients.admin.describeGroups([name]))
    const own = this.#committers.has(name) ? 1 : 0
    return (groups[0]?.members.length ?? 0) - own
  }

  async rewind(group: string, topic: Topic, positions: Positions): Promise<void> {
    await this.#refuseMembers(group)
    const committer = await this.#join(group, topic)
    await committer.commit(this.#topic(topic), positions)
    // Who came meanwhile may have begun from where the group was.
    await this.#refuseMembers(group)
  }

  async #refuseMembers(group: string): Promise<void> {
    const members = await this.members(group)
    if (members > 0) throw groupInUse(this.#group(group), members)
  }

  async #join(group: string, topic: Topic): Promise<Committer> {
    const name = this.#group(group)
    const committer = this.#committers.get(name) ?? new Committer(this.#clients, name, this.#topic(topic))
    this.#committers.set(name, committer)
    await committer.join()
    return committer
  }

  async close(): Promise<void> {
    const committers = [...this.#committers.values()]
    await Promise.allSettled([...committers.map((it) => it.close()), this.#clients.admin.disconnect()])
  }

  #topic(topic: Topic): string {
    return namespaced(this.#namespace, TOPICS[topic].name)
  }

  #group(group: string): string {
    return namespaced(this.#namespace, group)
  }
}
