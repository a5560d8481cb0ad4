import type { Logger } from 'pino'
import type { Consumer, EachBatchPayload } from '../kafka.ts'
import { within } from '../retry.ts'

const FIRST_COMMIT_TIMEOUT_MS = 5000

export interface CommitsOptions {
  readonly consumer: Pick<Consumer, 'commitOffsets'>
  /** Names with their namespace. */
  readonly topic: string
  readonly group: string
  /** Brokers take positions from members only. */
  readonly isMember: () => boolean
  readonly logger: Logger
}

/** The positions of a member in its assignment: they gather, and are committed by one flush at a time. */
export class Commits {
  readonly #options: CommitsOptions
  /** Where partitions without a committed position begin; each until its commit is known. */
  readonly #starts = new Map<number, bigint>()
  readonly #uncommitted = new Map<number, bigint>()
  #flushing: Promise<void> | undefined
  /** The latest batch's way to commit: once, where the consumer's own would repeat an old position for ever. */
  #once: EachBatchPayload['commitOffsetsIfNecessary'] | undefined

  constructor(options: CommitsOptions) {
    this.#options = options
  }

  /** The group has no position there, and is to have this one. */
  startAt(partition: number, offset: bigint): void {
    this.#starts.set(partition, offset)
  }

  startOf(partition: number): bigint | undefined {
    return this.#starts.get(partition)
  }

  /** Another member may have gone further meanwhile; what this one had not committed comes again. */
  beginAssignment(partitions: readonly number[]): void {
    this.#uncommitted.clear()
    for (const partition of partitions) {
      const start = this.#starts.get(partition)
      if (start !== undefined) this.#uncommitted.set(partition, start)
    }
  }

  /** Undefined when the consumer ended that had it. */
  commitBy(once: EachBatchPayload['commitOffsetsIfNecessary'] | undefined): void {
    this.#once = once
  }

  moved(partition: number, position: bigint): void {
    this.#uncommitted.set(partition, position)
  }

  /** Never rejects: what could not be committed is with the next flush. */
  async flush(): Promise<void> {
    while (this.#flushing !== undefined) await this.#flushing
    if (this.#uncommitted.size === 0 || !this.#options.isMember()) return
    this.#flushing = this.#commit().finally(() => {
      this.#flushing = undefined
    })
    await this.#flushing
  }

  async #commit(): Promise<void> {
    const { consumer, topic, group, logger } = this.#options
    const positions = [...this.#uncommitted]
    const partitions = positions.map(([partition, offset]) => ({ partition, offset: String(offset) }))
    try {
      await (this.#once?.({ topics: [{ topic, partitions }] }) ??
        within(FIRST_COMMIT_TIMEOUT_MS, consumer.commitOffsets(partitions.map((it) => ({ topic, ...it })))))
    } catch (err) {
      logger.debug({ err, group }, 'positions were not committed; later')
      return
    }
    for (const [partition, offset] of positions) {
      this.#starts.delete(partition)
      if (this.#uncommitted.get(partition) === offset) this.#uncommitted.delete(partition)
    }
  }
}
