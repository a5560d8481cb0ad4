import type { Topic } from '@roomlog/events'
import type { LogRecord } from './port.ts'

export interface TimedRecord extends LogRecord {
  /** When the log took it: by the database's clock on `embedded`, by its producer's on Kafka. */
  readonly at: Date
}

/** Offsets of one partition, `end` not included. */
export interface OffsetRange {
  readonly from: bigint
  readonly end: bigint
}

/** By partition. */
export type Ranges = ReadonlyMap<number, OffsetRange>
export type Positions = ReadonlyMap<number, bigint>

export interface ReadOptions {
  /** What is there of these offsets, in the order of each partition; retention may have removed the oldest of them. */
  readonly ranges: Ranges
  /** Records of one partition; called again only when the promise it gave has resolved. A rejection ends the read. */
  readonly onRecords: (partition: number, records: readonly TimedRecord[]) => Promise<void>
}

/**
 * The log as operators look at it: without joining its groups, whose members continue undisturbed and own what they
 * owned. Every call gives up within seconds when the servers are away, and rejects with the reason.
 */
export interface LogReader {
  readonly partitions: number

  /** Of every partition the oldest offset that is kept and the one that the next record gets. */
  bounds(topic: Topic): Promise<Ranges>

  /** Of every partition the offset of the oldest kept record that the log took at `time` or later; its end when none. */
  offsetsAt(topic: Topic, time: Date): Promise<Positions>

  /** Reads what stands there now; resolves when `onRecords` has had all of it. */
  read(topic: Topic, options: ReadOptions): Promise<void>

  /**
   * Where a group is: the next offset of each partition in which it has a position. One beyond the end counts as none: it
   * is of a log that was begun anew since.
   */
  positions(group: string, topic: Topic): Promise<Positions>

  /** Moves the positions of a group that has no members; never back. */
  commit(group: string, topic: Topic, positions: Positions): Promise<void>

  /** How many members a group has. One that was killed counts until its time has passed, ≤ 10 s. */
  members(group: string): Promise<number>

  /**
   * Moves the positions of a group to these, back, too: what it had done from there on is delivered to it once more.
   * Rejects with an `EventLogError` where the group has members, who would go on from where they are.
   */
  rewind(group: string, topic: Topic, positions: Positions): Promise<void>

  close(): Promise<void>
}
