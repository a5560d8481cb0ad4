import type { Row } from './room-events.ts'

const MAX_ROWS = 256

/** The newest rows of a room, without a gap up to its `last`: whoever is only a little behind needs no database. */
export class KeptRows {
  #rows: Row[] = []
  #bytes = 0

  /** `rows` follow the ones before. */
  add(rows: readonly Row[], maxBytes: number): void {
    this.#rows.push(...rows)
    for (const { frame } of rows) this.#bytes += frame.length
    this.trim(maxBytes)
  }

  /** Drops the oldest until the rest fits. */
  trim(maxBytes: number): void {
    let drop = 0
    while (drop < this.#rows.length && (this.#rows.length - drop > MAX_ROWS || this.#bytes > maxBytes)) {
      this.#bytes -= this.#rows[drop]?.frame.length ?? 0
      drop += 1
    }
    this.#rows.splice(0, drop)
  }

  /** The rows above `position`; undefined when they do not reach down to it. */
  after(position: number): readonly Row[] | undefined {
    const first = this.#rows[0]
    if (first === undefined || first.seq > position + 1) return undefined
    return this.#rows.slice(position + 1 - first.seq)
  }

  clear(): void {
    this.#rows = []
    this.#bytes = 0
  }
}
