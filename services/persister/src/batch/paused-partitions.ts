import type { NewerRecord } from './decode.ts'

/** The log delivers a paused partition's batch again every 5 s; one unseen for this long has moved to another member. */
const FORGOTTEN_AFTER_MS = 30_000

/** The partitions that wait for a newer build. */
export class PausedPartitions {
  readonly #seen = new Map<number, { readonly offset: bigint; readonly atMs: number }>()
  readonly #nowMs: () => number

  constructor(nowMs: () => number = () => performance.now()) {
    this.#nowMs = nowMs
  }

  /** Takes down where a partition stands; true when it has just come to stand there. */
  note(partition: number, newer: NewerRecord | undefined): boolean {
    if (newer === undefined) {
      this.#seen.delete(partition)
      return false
    }
    const isNew = this.#seen.get(partition)?.offset !== newer.offset
    this.#seen.set(partition, { offset: newer.offset, atMs: this.#nowMs() })
    return isNew
  }

  get count(): number {
    const oldest = this.#nowMs() - FORGOTTEN_AFTER_MS
    return [...this.#seen.values()].filter(({ atMs }) => atMs > oldest).length
  }
}
