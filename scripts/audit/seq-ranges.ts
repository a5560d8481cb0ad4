interface Range {
  from: number
  to: number
}

/** A set of seqs. They come in runs, so that however many there are, a few ranges hold them. */
export class SeqRanges {
  /** Rising, apart from each other. */
  readonly #ranges: Range[] = []

  add(seq: number): void {
    const at = this.#after(seq)
    const before = this.#ranges[at - 1]
    const behind = this.#ranges[at]
    if (before !== undefined && seq <= before.to) return
    const joinsBefore = before?.to === seq - 1
    const joinsBehind = behind?.from === seq + 1
    if (joinsBefore && joinsBehind) {
      before.to = behind.to
      this.#ranges.splice(at, 1)
    } else if (joinsBefore) before.to = seq
    else if (joinsBehind) behind.from = seq
    else this.#ranges.splice(at, 0, { from: seq, to: seq })
  }

  has(seq: number): boolean {
    const range = this.#ranges[this.#after(seq) - 1]
    return range !== undefined && seq <= range.to
  }

  get lowest(): number | undefined {
    return this.#ranges[0]?.from
  }

  get size(): number {
    return this.#ranges.reduce((sum, { from, to }) => sum + to - from + 1, 0)
  }

  /** What this has and `others` lack, rising. */
  *without(others: SeqRanges | undefined): Generator<number> {
    for (const { from, to } of this.#ranges) {
      for (let seq = from; seq <= to; seq += 1) if (others?.has(seq) !== true) yield seq
    }
  }

  /** The index of the first range that begins above `seq`. */
  #after(seq: number): number {
    let [low, high] = [0, this.#ranges.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#ranges[middle]?.from ?? 0) <= seq) low = middle + 1
      else high = middle
    }
    return low
  }
}

/** A set of places in rooms. */
export class Places {
  readonly #rooms = new Map<string, SeqRanges>()

  add(roomId: string, seq: number): void {
    const ranges = this.#rooms.get(roomId) ?? new SeqRanges()
    this.#rooms.set(roomId, ranges)
    ranges.add(seq)
  }

  has(roomId: string, seq: number): boolean {
    return this.#rooms.get(roomId)?.has(seq) ?? false
  }

  of(roomId: string): SeqRanges | undefined {
    return this.#rooms.get(roomId)
  }

  *without(others: Places): Generator<{ readonly roomId: string; readonly seq: number }> {
    for (const [roomId, ranges] of this.#rooms) {
      for (const seq of ranges.without(others.of(roomId))) yield { roomId, seq }
    }
  }
}
