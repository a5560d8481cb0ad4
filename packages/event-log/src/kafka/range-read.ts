import { type Consumer, type EachBatchPayload, survivable } from '../kafka.ts'
import type { OffsetRange, ReadOptions, TimedRecord } from '../reader.ts'
import { within } from '../retry.ts'
import { recordOf } from './record.ts'

const SLICE_RECORDS = 500
/** Kafka gave nothing for so long although there should be something. */
const STALLED_AFTER_MS = 20_000
const LEAVE_TIMEOUT_MS = 5000

/**
 * Reads ranges of a topic's partitions with a consumer whose group is its own: kafkajs reads in no other way. Nothing is
 * committed. Offsets that retention removed meanwhile are skipped.
 */
export class RangeRead {
  readonly #consumer: Consumer
  readonly #topic: string
  readonly #options: ReadOptions
  readonly #partitions: number
  /** What is still to come. */
  readonly #left: Map<number, OffsetRange>
  readonly #done = Promise.withResolvers<void>()
  #turn: Promise<void> = Promise.resolve()
  #failed = false
  #stall: NodeJS.Timeout | undefined

  constructor(consumer: Consumer, topic: string, partitions: number, options: ReadOptions) {
    this.#consumer = consumer
    this.#topic = topic
    this.#partitions = partitions
    this.#options = options
    this.#left = new Map([...options.ranges].filter(([, { from, end }]) => from < end))
  }

  async run(): Promise<void> {
    if (this.#left.size === 0) return
    // It can be rejected before anybody waits for it.
    this.#done.promise.catch(() => undefined)
    this.#listen()
    this.#awaitMore()
    try {
      // Without a broker the consumer would try for ever.
      await Promise.race([this.#start(), this.#done.promise])
      await this.#done.promise
    } finally {
      await this.#turn
      clearTimeout(this.#stall)
      await within(LEAVE_TIMEOUT_MS, this.#consumer.disconnect()).catch(() => undefined)
    }
  }

  async #start(): Promise<void> {
    await this.#consumer.connect()
    await this.#consumer.subscribe({ topic: this.#topic, fromBeginning: true })
    await this.#consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      eachBatch: (payload) => this.#eachBatch(payload),
    })
  }

  #listen(): void {
    const { events } = this.#consumer
    this.#consumer.on(events.GROUP_JOIN, () => {
      for (const [partition, { from }] of this.#left)
        this.#consumer.seek({ topic: this.#topic, partition, offset: String(from) })
      const others = Array.from({ length: this.#partitions }, (_, it) => it).filter(
        (it) => !this.#left.has(it),
      )
      if (others.length > 0) this.#consumer.pause([{ topic: this.#topic, partitions: others }])
    })
    this.#consumer.on(events.CRASH, ({ payload: { error, restart } }) => {
      if (!restart) this.#fail(error)
    })
  }

  #awaitMore(): void {
    clearTimeout(this.#stall)
    this.#stall = setTimeout(
      () => this.#fail(new Error(`Kafka has given nothing of ${this.#topic} for ${STALLED_AFTER_MS} ms`)),
      STALLED_AFTER_MS,
    )
  }

  #fail(error: unknown): void {
    this.#failed = true
    this.#done.reject(error)
  }

  async #eachBatch(payload: EachBatchPayload): Promise<void> {
    const { partition, messages } = payload.batch
    const records = messages.map((message) => ({
      ...recordOf(message),
      at: new Date(Number(message.timestamp)),
    }))
    try {
      for (let i = 0; i < records.length; i += SLICE_RECORDS) {
        const range = this.#left.get(partition)
        if (range === undefined || this.#failed || !payload.isRunning() || payload.isStale()) return
        const slice = records.slice(i, i + SLICE_RECORDS)
        this.#turn = this.#handle(partition, range, slice)
        await this.#turn
        const last = slice.at(-1)
        if (last !== undefined) payload.resolveOffset(String(last.offset))
        await payload.heartbeat()
      }
      if (!this.#left.has(partition)) payload.pause()
    } catch (error) {
      throw survivable(error)
    }
  }

  async #handle(
    partition: number,
    { from, end }: OffsetRange,
    records: readonly TimedRecord[],
  ): Promise<void> {
    // How long the handler takes is not the broker's affair.
    clearTimeout(this.#stall)
    const wanted = records.filter(({ offset }) => offset >= from && offset < end)
    try {
      if (wanted.length > 0) await this.#options.onRecords(partition, wanted)
    } catch (error) {
      return this.#fail(error)
    }
    this.#awaitMore()
    const next = (records.at(-1)?.offset ?? 0n) + 1n
    if (next < end) this.#left.set(partition, { from: next > from ? next : from, end })
    else this.#left.delete(partition)
    if (this.#left.size === 0) this.#done.resolve()
  }
}
