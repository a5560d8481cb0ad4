import type { Database } from '@roomlog/db'
import type { LogReader, Ranges, TimedRecord } from '@roomlog/event-log'
import { HEADERS, REPLAY_GROUP, TOPICS } from '@roomlog/events'
import { headOf } from '../dlq/letter.ts'
import { findRows, type Suspect, suspectOf } from './created.ts'
import type { Findings } from './findings.ts'

const DIGITS = /^[0-9]{1,19}$/

interface Letter extends Suspect {
  /** Of the created record that was dead-lettered. */
  readonly origin: { readonly partition: number; readonly offset: bigint } | undefined
  readonly reason: string
}

/**
 * The dead letters, by what they can be recognised: where the record stood that was dead-lettered, and whose it was: a
 * lost record that was appended again and is dead now stands elsewhere.
 */
export class DeadLetters {
  readonly #reader: LogReader
  readonly #waiting: Letter[] = []
  /** Where the records stood, and whose those are that wait. */
  readonly #known = new Set<string>()
  /** Of each message in each partition the last record that was dead-lettered. */
  readonly #lastDead = new Map<string, bigint>()
  #older: Ranges = new Map()

  constructor(reader: LogReader) {
    this.#reader = reader
  }

  /** Reads those about which nobody has decided yet. */
  async readWaiting(): Promise<void> {
    const [bounds, replayed] = [
      await this.#reader.bounds('deadLetters'),
      await this.#reader.positions(REPLAY_GROUP, 'deadLetters'),
    ]
    const split = [...bounds].map(([partition, { from, end }]) => {
      const to = replayed.get(partition) ?? from
      return { partition, from, middle: to < from ? from : to > end ? end : to, end }
    })
    this.#older = new Map(split.map(({ partition, from, middle }) => [partition, { from, end: middle }]))
    const ranges = new Map(split.map(({ partition, middle, end }) => [partition, { from: middle, end }]))
    await this.#read(ranges, (letter) => {
      this.#waiting.push(letter)
      if (letter.address !== undefined) this.#known.add(keyText(letter.address))
    })
  }

  /** Reads the others too, which were replayed or dismissed: their records are dead all the same. */
  async readOlder(): Promise<void> {
    const ranges = this.#older
    this.#older = new Map()
    await this.#read(ranges, () => undefined)
  }

  has({ partition, offset, address }: Suspect): boolean {
    if (this.#known.has(`${partition}:${offset}`)) return true
    if (address === undefined) return false
    // Of one that was replayed only what stands before it is explained, not the record that was made of it.
    const isAppendedAgain = offset < (this.#lastDead.get(`${partition} ${keyText(address)}`) ?? 0n)
    return isAppendedAgain || this.#known.has(keyText(address))
  }

  /**
   * Those that wait and have no row by now: somebody has to look at them. One of another body settles it, too: with the
   * name given, theirs is rejected as any later one.
   */
  async report(db: Database['db'], findings: Findings): Promise<void> {
    const rows = await findRows(db, this.#waiting)
    for (const letter of this.#waiting) {
      if (rows.has(letter)) continue
      const { partition, offset, address, origin, reason } = letter
      const from = origin === undefined ? '' : `, was record ${origin.partition}:${origin.offset}`
      findings.add({
        kind: 'dead_letter',
        detail: `${reason}${from}`,
        ...(address === undefined ? {} : address),
        partition,
        offset: Number(offset),
      })
    }
  }

  async #read(ranges: Ranges, onLetter: (letter: Letter) => void): Promise<void> {
    await this.#reader.read('deadLetters', {
      ranges,
      onRecords: async (partition, records) => {
        for (const record of records) {
          const letter = letterOf(partition, record)
          this.#know(letter)
          onLetter(letter)
        }
      },
    })
  }

  #know({ origin, address }: Letter): void {
    if (origin === undefined) return
    this.#known.add(`${origin.partition}:${origin.offset}`)
    if (address === undefined) return
    const key = `${origin.partition} ${keyText(address)}`
    if (origin.offset > (this.#lastDead.get(key) ?? -1n)) this.#lastDead.set(key, origin.offset)
  }
}

function letterOf(partition: number, record: TimedRecord): Letter {
  const { reason, origin } = headOf(record)
  // One that was carried over from an embedded log names a place in that one.
  const isCarried = record.headers[HEADERS.movedFrom]?.startsWith(TOPICS.deadLetters.name) === true
  // Nor does one that somebody else wrote have to name any.
  const isCreated = origin?.topic === TOPICS.created.name && !isCarried
  const isPlace = isCreated && [origin.partition, origin.offset].every((it) => DIGITS.test(it))
  const place = isPlace ? { partition: Number(origin.partition), offset: BigInt(origin.offset) } : undefined
  return { ...suspectOf(partition, record), reason, origin: place }
}

function keyText({ roomId, senderId, clientMsgId }: NonNullable<Suspect['address']>): string {
  return `${roomId} ${senderId} ${clientMsgId}`
}
