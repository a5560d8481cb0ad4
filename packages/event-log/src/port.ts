import type { EncodedRecord, Topic } from '@roomlog/events'

/**
 * The log. Guarantees, the same on every engine and checked by one contract suite:
 *
 * - An append that resolves is durable: it survives kill -9 of any process. One that rejects with `outcome: 'unknown'`
 *   may still appear; with `'not_published'` it never will.
 * - Records of one key stand in the log in the order of the append calls of one process; the partition is
 *   `partitionOf(key)`. Repeats can appear (a batch whose answer was lost is sent again), inversions cannot.
 * - A group sees every record of a topic at least once, each partition in order and by one member at a time. What a
 *   handler did not finish is delivered again, also after kill -9: to this member or to another of the group.
 *   Around a rebalance the old and the new owner can overlap for a moment; whoever stores must stand that.
 * - Groups are independent of each other. All members of a group read the same topic.
 */
export interface EventLog {
  /** Partitions of every topic. */
  readonly partitions: number
  /** Records of `append` that wait or are under way now. */
  readonly pending: number

  /**
   * Appends one record. Rejects with `AppendError`: `not_published` when the bounded queue is full or `timeoutMs` (default
   * 5000) passed while it waited there, at once when none is left; `unknown` when it passed while the record's batch was
   * under way.
   */
  append(topic: Topic, record: EncodedRecord, timeoutMs?: number): Promise<void>

  /**
   * Appends records for a reader that must not go on without them: waits as long as it takes, in order, until `signal`
   * aborts (then rejects). Never gives up on its own.
   */
  appendAll(topic: Topic, records: readonly EncodedRecord[], signal: AbortSignal): Promise<void>

  /** Joins a consumer group and begins to deliver. */
  subscribe(options: SubscribeOptions): Promise<Subscription>

  /** Resolves when the log answers; rejects with the reason when not, within 2 s. */
  ping(): Promise<void>

  /**
   * Leaves every group after the batches under way, flushes what is queued (≤ 5 s from the call), disconnects. Where its
   * servers hang it gives up, 6 s after the last handler has ended.
   */
  close(): Promise<void>
}

export interface LogRecord {
  readonly key: string | null
  readonly headers: Readonly<Record<string, string>>
  readonly value: Buffer | null
  readonly offset: bigint
}

/** At most `maxRecords` of one partition, in order, without a gap but what retention or compaction removed. */
export interface LogBatch {
  readonly partition: number
  readonly records: readonly LogRecord[]
}

export interface BatchContext {
  /** Aborts when this member no longer owns the partition or the subscription stops: finish nothing more that costs. */
  readonly signal: AbortSignal
  /** Keeps the ownership during long work; call it at least each second. Rejects when the ownership is gone. */
  heartbeat(): Promise<void>
}

export interface SubscribeOptions {
  readonly topic: Topic
  readonly group: string
  /** Where a group without a committed position begins. */
  readonly from: 'beginning' | 'end'
  readonly maxRecords: number
  /** 0 commits as soon as a batch is done; else at most once in this time. Always at a clean leave. */
  readonly commitIntervalMs: number
  /**
   * Handles one batch; partitions run in parallel, one batch of a partition at a time. Resolve with how many records
   * from its beginning are done (`undefined`: all); the others, and all of a batch that throws, are delivered again
   * after a pause that grows to 5 s.
   */
  readonly onBatch: (batch: LogBatch, context: BatchContext) => Promise<number | undefined>
  /** The subscription ended for good and will not come back: the process should exit and be started again. */
  readonly onFatal: (error: Error) => void
}

export interface SubscriptionHealth {
  /** Partitions that this member owns now. */
  readonly assigned: number
  /** The member was heard by its group within the last session; false means that nothing may be arriving. */
  readonly connected: boolean
  /** Records of those partitions that are not handled yet, as of a look at the log in the last seconds. */
  readonly lag: number
  /** Milliseconds since the log took the oldest of them that was fetched; 0 where none waits. */
  readonly oldestMs: number
}

export interface Subscription {
  /**
   * Resolves once **all** partitions are this member's and every record that stood in the log when it joined has been
   * handled. (A group of one, as an edge's; in a shared group it may never resolve.)
   */
  readonly caughtUp: Promise<void>
  health(): SubscriptionHealth
  /** Clean leave: waits for the batches under way, commits, gives the partitions back. */
  stop(): Promise<void>
}

export class AppendError extends Error {
  override readonly name = 'AppendError'
  readonly outcome: 'not_published' | 'unknown'

  constructor(outcome: 'not_published' | 'unknown', message: string, options?: ErrorOptions) {
    super(message, options)
    this.outcome = outcome
  }
}
