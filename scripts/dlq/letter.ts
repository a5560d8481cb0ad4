import type { LogReader, Ranges, TimedRecord } from '@roomlog/event-log'
import {
  addressOf,
  type Decoded,
  decodeCreated,
  type EncodedRecord,
  HEADERS,
  type MessageAddress,
  type MessageCreated,
  TOPICS,
} from '@roomlog/events'
import { UsageError } from '../operator/failure.ts'

/** Where a dead letter stands, written `partition:offset`. */
export interface LetterPosition {
  readonly partition: number
  readonly offset: bigint
}

/** What its headers tell. */
export interface LetterHead {
  readonly reason: string
  /** Undefined where they do not. */
  readonly origin: { readonly topic: string; readonly partition: string; readonly offset: string } | undefined
}

export interface Letter extends LetterPosition, LetterHead {
  readonly record: TimedRecord
  readonly decoded: Decoded<MessageCreated>
  readonly address: MessageAddress | undefined
}

const POSITION = /^([0-9]{1,4}):([0-9]{1,18})$/

/** Throws `UsageError`. */
export function positionFrom(text: string): LetterPosition {
  const [, partition, offset] = POSITION.exec(text) ?? []
  if (partition === undefined || offset === undefined) {
    throw new UsageError(`"${text}" is no position of a dead letter, which is partition:offset, as in 3:17`)
  }
  return { partition: Number(partition), offset: BigInt(offset) }
}

export function positionText({ partition, offset }: LetterPosition): string {
  return `${partition}:${offset}`
}

/** The dead letters of the ranges, in the order of partition and offset. */
export async function readLetters(reader: LogReader, ranges: Ranges): Promise<readonly Letter[]> {
  const letters: Letter[] = []
  await reader.read('deadLetters', {
    ranges,
    onRecords: async (partition, records) => {
      letters.push(...records.map((record) => letterOf(partition, record)))
    },
  })
  return letters.toSorted((a, b) => a.partition - b.partition || Number(a.offset - b.offset))
}

/** Undefined where none stands there. */
export async function readLetter(
  reader: LogReader,
  { partition, offset }: LetterPosition,
): Promise<Letter | undefined> {
  const bounds = (await reader.bounds('deadLetters')).get(partition)
  if (bounds === undefined || offset < bounds.from || offset >= bounds.end) return undefined
  const [letter] = await readLetters(reader, new Map([[partition, { from: offset, end: offset + 1n }]]))
  return letter
}

export function letterOf(partition: number, record: TimedRecord): Letter {
  const { value, offset } = record
  return {
    ...{ partition, offset, record },
    ...headOf(record),
    decoded: decodeCreated(value),
    address: addressOf(value),
  }
}

export function headOf({ headers }: TimedRecord): LetterHead {
  const [topic, at, position] = [HEADERS.originTopic, HEADERS.originPartition, HEADERS.originOffset].map(
    (name) => headers[name],
  )
  const isKnown = topic !== undefined && at !== undefined && position !== undefined
  return {
    reason: headers[HEADERS.reason] ?? 'no reason given',
    origin: isKnown ? { topic, partition: at, offset: position } : undefined,
  }
}

const OF_THE_LETTER: readonly string[] = [
  HEADERS.reason,
  HEADERS.originTopic,
  HEADERS.originPartition,
  HEADERS.originOffset,
]

/** The record that was dead-lettered, as it was; undefined where it came from no topic that can take it back. */
export function originalOf({ record, origin }: Letter): EncodedRecord | undefined {
  if (origin?.topic !== TOPICS.created.name) return undefined
  const headers = Object.entries(record.headers).filter(([name]) => !OF_THE_LETTER.includes(name))
  return {
    key: record.key ?? '',
    headers: Object.fromEntries(headers),
    value: record.value ?? Buffer.alloc(0),
  }
}
