import type { OwnedPartition } from './owned-partition.ts'
import type { LogStore } from './store.ts'
import { Wakeup } from './wakeup.ts'

const POLL_MS = 500

export interface FetchLoopOptions {
  readonly store: Pick<LogStore, 'heads' | 'read'>
  /** With its namespace. */
  readonly topic: string
  readonly maxRecords: number
  /** Those of the member now. */
  readonly owned: ReadonlyMap<number, OwnedPartition>
  /** It ends below the position of the member: the store was restored to an older state. */
  readonly onRestored: (mine: OwnedPartition) => void
  readonly onTrouble: (error: unknown) => void
  readonly signal: AbortSignal
}

/** Reads for all partitions of a member that may have something, in one read. Looks where they end each 500 ms: who tells of records may be late. */
export class FetchLoop {
  readonly #options: FetchLoopOptions
  readonly #wakeup = new Wakeup()
  #nextPollMs = 0

  constructor(options: FetchLoopOptions) {
    this.#options = options
  }

  /** A partition may be ready. */
  wake(): void {
    this.#wakeup.wake()
  }

  /** Something may have been missed. */
  lookNow(): void {
    this.#nextPollMs = 0
    this.#wakeup.wake()
  }

  /** Resolves once the signal has aborted and it was woken. */
  async run(): Promise<void> {
    const { owned, signal, onTrouble } = this.#options
    while (!signal.aborted) {
      try {
        if (performance.now() >= this.#nextPollMs) await this.#poll()
        const wanted = [...owned.values()].filter(({ isReady }) => isReady)
        if (wanted.length > 0) await this.#fetch(wanted)
        else await this.#wakeup.wait(Math.max(0, this.#nextPollMs - performance.now()))
      } catch (error) {
        onTrouble(error)
        this.#nextPollMs = performance.now() + POLL_MS
        await this.#wakeup.wait(POLL_MS)
      }
    }
  }

  async #poll(): Promise<void> {
    const { store, topic, owned, onRestored } = this.#options
    if (owned.size > 0) {
      const heads = await store.heads(topic)
      for (const mine of owned.values()) if (!mine.look(heads.get(mine.partition) ?? 0n)) onRestored(mine)
    }
    this.#nextPollMs = performance.now() + POLL_MS
  }

  async #fetch(wanted: readonly OwnedPartition[]): Promise<void> {
    const { store, topic, maxRecords, signal } = this.#options
    for (const mine of wanted) mine.isDirty = false
    const from = new Map(wanted.map(({ partition, position }) => [partition, position]))
    const found = await store.read(topic, from, maxRecords).catch((error: unknown) => {
      for (const mine of wanted) mine.isDirty = true
      throw error
    })
    if (signal.aborted) return
    for (const mine of wanted) mine.take(found.get(mine.partition) ?? [])
  }
}
