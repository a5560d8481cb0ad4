import type { Logger } from 'pino'
import type { PartitionProgress } from '../backlog.ts'
import { deliver, redeliveryPauseMs } from '../delivery.ts'
import type { SubscribeOptions } from '../port.ts'
import type { TimedRecord } from '../reader.ts'
import type { Member } from './store.ts'

export interface OwnedPartitionSettings {
  readonly member: Member
  readonly options: SubscribeOptions
  readonly logger: Logger
  /** Records of a batch are done. */
  readonly onMoved: (it: OwnedPartition) => Promise<void>
  /** A batch or a rest has ended. */
  readonly onFree: () => void
}

/** A partition that a member owns: how far the group is in it, its batch under way, its rest after what was not done. */
export class OwnedPartition {
  readonly partition: number
  /** There may be records from the position on. */
  isDirty = true
  /** It is given back once its batch has ended. */
  isLeaving = false
  readonly #settings: OwnedPartitionSettings
  readonly #abort = new AbortController()
  #position: bigint
  /** What the store has of the position; null: the group has none here yet. */
  #committed: bigint | null
  /** Where the partition ended when it was last looked at. */
  #head = 0n
  /** When the log took the first record that is fetched and not done; undefined: none is. */
  #waitsSince: Date | undefined
  #busy: Promise<void> | undefined
  #failures = 0
  #resting: NodeJS.Timeout | undefined

  constructor(partition: number, committed: bigint | null, settings: OwnedPartitionSettings) {
    this.partition = partition
    this.#committed = committed
    this.#position = committed ?? 0n
    this.#settings = settings
  }

  /** The next record to deliver. */
  get position(): bigint {
    return this.#position
  }

  get progress(): PartitionProgress {
    return { position: this.#position, end: this.#head, waitsSince: this.#waitsSince }
  }

  get isMoved(): boolean {
    return this.#position > (this.#committed ?? 0n)
  }

  /** The store has the position now. */
  committed(position: bigint): void {
    this.#committed = position
  }

  /** The batch under way, with the commit behind it. */
  get busy(): Promise<void> | undefined {
    return this.#busy
  }

  get isReady(): boolean {
    return this.isDirty && this.#busy === undefined && this.#resting === undefined && !this.isLeaving
  }

  /** Takes note of where the partition ends; false below the position: the store was restored to an older state. */
  look(head: bigint): boolean {
    this.#head = head
    this.isDirty ||= head > this.#position
    return head >= this.#position
  }

  /** Begins to handle what was read from the position on. */
  take(records: readonly TimedRecord[]): void {
    if (this.#abort.signal.aborted || this.isLeaving) return
    const [first] = records
    // Nothing below a head that was read earlier: it has all been trimmed.
    const start = first?.offset ?? (this.#head > this.#position ? this.#head : this.#position)
    if (start > this.#position) this.#jump(start)
    if (first === undefined) return
    this.#busy = this.#handle(records).finally(() => {
      this.#busy = undefined
      this.#settings.onFree()
    })
  }

  /** It is not this member's any more, or will not be soon. */
  end(reason: unknown): void {
    clearTimeout(this.#resting)
    this.#abort.abort(reason)
  }

  #jump(to: bigint): void {
    const from = this.#position
    this.#position = to
    if (this.#committed === null) return
    const { logger, member } = this.#settings
    const { group, topic } = member
    logger.warn(
      {
        group,
        topic,
        partition: this.partition,
        from: String(from),
        to: String(to),
        lost: String(to - from),
      },
      'the position was below the oldest record: what was trimmed is skipped',
    )
  }

  async #handle(records: readonly TimedRecord[]): Promise<void> {
    const { options, logger, onMoved } = this.#settings
    const { signal } = this.#abort
    this.#waitsSince = records[0]?.at
    const heartbeat = async () => signal.throwIfAborted()
    const done = await deliver(options, { partition: this.partition, records }, { signal, heartbeat }, logger)
    const last = records[done - 1]
    if (last !== undefined) this.#position = last.offset + 1n
    this.#waitsSince = records[done]?.at
    if (done < records.length) this.#rest(done > 0 ? 1 : this.#failures + 1)
    else {
      this.#failures = 0
      this.isDirty ||= records.length === options.maxRecords
    }
    if (done > 0) await onMoved(this)
  }

  #rest(failures: number): void {
    this.#failures = failures
    if (this.#abort.signal.aborted) return
    this.#resting = setTimeout(() => {
      this.#resting = undefined
      this.isDirty = true
      this.#settings.onFree()
    }, redeliveryPauseMs(failures))
  }
}
