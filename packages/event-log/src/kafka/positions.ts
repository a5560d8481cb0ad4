import { setTimeout as delay } from 'node:timers/promises'
import { type Admin, type Consumer, type KafkaClients, protocolErrorType } from '../kafka.ts'
import type { Positions } from '../reader.ts'
import { within } from '../retry.ts'

const SESSION_TIMEOUT_MS = 10_000
const PATIENCE_MS = 10_000
const PAUSE_MS = 200
const LEAVE_TIMEOUT_MS = 5000

/** Repeats what a broker refuses while it reads its groups or their members change; rejects with its last word. */
export async function patiently<T>(work: () => Promise<T>): Promise<T> {
  const endMs = performance.now() + PATIENCE_MS
  for (;;) {
    try {
      return await work()
    } catch (error) {
      if (protocolErrorType(error) === undefined || performance.now() > endMs) throw error
    }
    await delay(PAUSE_MS)
  }
}

/** Names are complete, with their namespace. */
export async function positionsOf(admin: Admin, group: string, topic: string): Promise<Positions> {
  const [answer] = await patiently(() => admin.fetchOffsets({ groupId: group, topics: [topic] }))
  return new Map(
    (answer?.partitions ?? []).flatMap(({ partition, offset }) =>
      BigInt(offset) < 0n ? [] : [[partition, BigInt(offset)] as const],
    ),
  )
}

/**
 * Moves a group's positions as its member: brokers take them from nobody else. It reads nothing, joins once and stays
 * until it is closed, because each joining takes a broker's while.
 */
export class Committer {
  readonly #consumer: Consumer
  readonly #topic: string
  #joining: Promise<void> | undefined

  constructor(clients: KafkaClients, group: string, topic: string) {
    this.#consumer = clients.consumer(group, SESSION_TIMEOUT_MS)
    this.#topic = topic
  }

  async join(): Promise<void> {
    this.#joining ??= this.#join()
    await within(PATIENCE_MS, this.#joining)
  }

  /** Only after it has joined. */
  async commit(topic: string, positions: Positions): Promise<void> {
    if (positions.size === 0) return
    const offsets = [...positions].map(([partition, offset]) => ({
      topic,
      partition,
      offset: String(offset),
    }))
    await patiently(() => within(PATIENCE_MS, this.#consumer.commitOffsets(offsets)))
  }

  async #join(): Promise<void> {
    const joined = Promise.withResolvers<void>()
    const { events } = this.#consumer
    this.#consumer.on(events.GROUP_JOIN, () => {
      this.#consumer.pause([{ topic: this.#topic }])
      joined.resolve()
    })
    this.#consumer.on(events.CRASH, ({ payload: { error, restart } }) => {
      if (!restart) joined.reject(error)
    })
    await this.#consumer.connect()
    await this.#consumer.subscribe({ topic: this.#topic, fromBeginning: true })
    await this.#consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      eachBatch: async () => undefined,
    })
    await joined.promise
  }

  async close(): Promise<void> {
    await within(LEAVE_TIMEOUT_MS, this.#consumer.disconnect())
  }
}
