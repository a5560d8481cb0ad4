import { backlogOf } from '../backlog.ts'
import type { Admin } from '../kafka.ts'

const LOOK_INTERVAL_MS = 5000

/** What the brokers have of a partition; `committed` is negative where the group has no position. */
export interface Place {
  readonly partition: number
  readonly low: bigint
  readonly end: bigint
  readonly committed: bigint
}

/** Names are complete, with their namespace. */
export async function placesOf(admin: Admin, group: string, topic: string): Promise<readonly Place[]> {
  const bounds = await admin.fetchTopicOffsets(topic)
  const [answer] = await admin.fetchOffsets({ groupId: group, topics: [topic] })
  const committed = new Map(answer?.partitions.map((it) => [it.partition, BigInt(it.offset)]))
  return bounds.map(({ partition, low, high }) => {
    return { partition, low: BigInt(low), end: BigInt(high), committed: committed.get(partition) ?? -1n }
  })
}

export interface ProgressOptions {
  readonly places: () => Promise<readonly Place[]>
  /** Where a partition without a committed position began; undefined: at its oldest record. */
  readonly startOf: (partition: number) => bigint | undefined
  readonly onError: (error: unknown) => void
}

/**
 * How far a member is, for its health alone. The ends are asked for, because fetches tell nothing of a partition that
 * rests or whose handler is stuck.
 */
export class Progress {
  readonly #options: ProgressOptions
  /** The next record to handle, as far as it is known in this assignment. */
  readonly #positions = new Map<number, bigint>()
  readonly #ends = new Map<number, bigint>()
  /** When the first record was taken that is fetched and not done. */
  readonly #waitsSince = new Map<number, Date>()
  #assigned: readonly number[] = []
  #looking = false
  #timer: NodeJS.Timeout | undefined

  constructor(options: ProgressOptions) {
    this.#options = options
  }

  start(): void {
    this.#timer = setInterval(() => void this.#look(), LOOK_INTERVAL_MS)
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  /** Another member may have gone further in these partitions meanwhile. */
  assigned(partitions: readonly number[]): void {
    this.#assigned = partitions
    this.#positions.clear()
    this.#waitsSince.clear()
  }

  moved(partition: number, position: bigint): void {
    this.#positions.set(partition, position)
  }

  /** The partition's first fetched record that is not done was taken then; undefined: all are done. */
  waits(partition: number, since: Date | undefined): void {
    if (since === undefined) this.#waitsSince.delete(partition)
    else this.#waitsSince.set(partition, since)
  }

  backlog() {
    const known = this.#assigned.map((partition) => {
      const end = this.#ends.get(partition) ?? 0n
      // Before the first look nothing is known to wait.
      const position = this.#positions.get(partition) ?? end
      return { position, end, waitsSince: this.#waitsSince.get(partition) }
    })
    return backlogOf(known)
  }

  async #look(): Promise<void> {
    if (this.#looking || this.#assigned.length === 0) return
    this.#looking = true
    const asked = this.#assigned
    try {
      const places = await this.#options.places()
      // Positions of an assignment before must not come back.
      if (asked === this.#assigned) for (const place of places) this.#take(place)
    } catch (error) {
      this.#options.onError(error)
    } finally {
      this.#looking = false
    }
  }

  #take({ partition, low, end, committed }: Place): void {
    this.#ends.set(partition, end)
    const start = committed < 0n ? (this.#options.startOf(partition) ?? low) : committed
    this.#positions.set(partition, latest(latest(start, low), this.#positions.get(partition) ?? 0n))
  }
}

export function latest(a: bigint, b: bigint): bigint {
  return a > b ? a : b
}
