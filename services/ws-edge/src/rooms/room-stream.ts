import { KeptRows } from './kept-rows.ts'
import type { Hint, RoomRead, Row } from './room-events.ts'

/** Rows that wait while a flush runs; what does not fit is read from the database afterwards. */
const MAX_WAITING_ROWS = 256
/** As much as a page: with what may wait in a socket before, still far from what closes it. */
const MAX_FLUSH_BYTES = 256 * 1024

/**
 * What is known of a room's rows: `last` is the seq up to which they were handed on, the next ones wait, the newest are
 * kept for who comes back. Of whom they are for it knows nothing.
 */
export class RoomStream {
  readonly #keptBytes: () => number
  readonly #kept = new KeptRows()
  #last: number | undefined
  #head = 0
  #epoch: string | undefined
  /** The highest seq heard of. */
  #target = 0
  /** The head of one sweep ago. */
  #sweptHead = 0
  /** Rows last+1… that can be handed on. */
  #waiting: Row[] = []
  #reading: { readonly last: number; readonly target: number } | undefined

  constructor(keptBytes: () => number) {
    this.#keptBytes = keptBytes
  }

  get hasBegun(): boolean {
    return this.#last !== undefined
  }

  /** 0 before it has begun. */
  get last(): number {
    return this.#last ?? 0
  }

  /** The highest seq that is known to be stored. */
  get head(): number {
    return this.#head
  }

  get hasNext(): boolean {
    return this.#waiting.length > 0
  }

  /** The room's first look. */
  begin({ head, epoch }: RoomRead): void {
    this.#last = head
    this.#epoch = epoch
  }

  /** Takes note of a head; false when it shows another database than before, as after a restore. */
  admit({ head, epoch }: { readonly head: number; readonly epoch: string }, askedHead: number): boolean {
    if (head < askedHead || (this.#epoch !== undefined && epoch !== this.#epoch)) return false
    this.#head = Math.max(this.#head, head)
    return true
  }

  hear({ seq, epoch, row }: Hint): void {
    // After a restore the log still has what the lost database stored, at seqs that are given to other messages now. Where
    // it is this room that is of the lost one, its next look shows that.
    if (epoch !== undefined && this.#epoch !== undefined && epoch !== this.#epoch) return
    this.aim(seq)
    if (row !== undefined) this.offer(row)
  }

  /** There are rows up to this seq: those that nobody brings are read. */
  aim(seq: number): void {
    this.#target = Math.max(this.#target, seq)
  }

  /** Takes the row if it is the next one. */
  offer(row: Row): void {
    if (this.#last === undefined || this.#waiting.length >= MAX_WAITING_ROWS) return
    if (row.seq === this.#last + this.#waiting.length + 1) this.#waiting.push(row)
  }

  /** Hands the next rows on: moves `last` behind them. */
  take(): readonly Row[] {
    const rows = this.#waiting.splice(0, this.#countOfFlush())
    const last = this.last + rows.length
    this.#last = last
    this.#head = Math.max(this.#head, last)
    this.aim(last)
    this.#kept.add(rows, this.#keptBytes())
    return rows
  }

  #countOfFlush(): number {
    let [count, bytes] = [0, 0]
    for (const { frame } of this.#waiting) {
      bytes += frame.length
      if (count > 0 && bytes > MAX_FLUSH_BYTES) break
      count += 1
    }
    return count
  }

  /** Rows that were handed on already, above `position`; undefined when they are not kept any more. */
  keptAfter(position: number): readonly Row[] | undefined {
    return this.#kept.after(position)
  }

  /** The seq behind which rows are to be read now; undefined while none are known to be missing, or a read is under way. */
  askForRows(): number | undefined {
    if (this.#last === undefined || this.#target <= this.#last || this.#reading !== undefined)
      return undefined
    this.#reading = { last: this.#last, target: this.#target }
    return this.#last
  }

  /** The next sweep comes back to what was asked for. */
  rowsFailed(): void {
    this.#reading = undefined
  }

  rowsCame(read: RoomRead): void {
    const asked = this.#reading
    this.#reading = undefined
    if (asked === undefined || this.#target !== asked.target) return
    // What was heard of before the read and is not there was never stored in this database; and where the read ought to
    // have brought rows and has not, asking again at once is of no use.
    const isUsable = read.head <= asked.last || read.rows[0]?.seq === asked.last + 1
    this.#target = isUsable ? this.#head : this.last
  }

  startAnew(head: number): void {
    this.#last = head
    this.#waiting = []
    this.#kept.clear()
  }

  /** The sweep's look. What stands still below the head of one sweep ago has lost an event. */
  swept(head: number): void {
    if (this.last < this.#sweptHead) this.aim(this.#sweptHead)
    this.#sweptHead = head
    this.#kept.trim(this.#keptBytes())
  }
}
