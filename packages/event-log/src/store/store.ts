import type { EncodedRecord } from '@roomlog/events'
import type { TimedRecord } from '../reader.ts'

/** A lease on a partition, and a member's place in its group: renewed each second, over after this on the store's clock. */
export const LEASE_MS = 5000

/** One subscription. Names of topics and groups are complete here, with their namespace. */
export interface Member {
  readonly id: string
  readonly group: string
  readonly topic: string
}

export interface Beat {
  /** The member was not there: new, or its time had passed. Its group's cursors may be missing. */
  readonly joined: boolean
  /** Members whose time has not passed, this one included. */
  readonly members: number
  /** Of those that it says it holds the ones that are this member's, each renewed. */
  readonly owned: ReadonlySet<number>
}

/**
 * Where a log without a broker keeps its records, cursors and leases: a server or a piece of memory that all processes
 * of one installation share. Everything that decides lies in here, so that no two processes can disagree.
 */
export interface LogStore {
  /** Appends all or nothing, at the partition's next offsets without a gap; readers see records in offset order. */
  append(topic: string, partition: number, records: readonly EncodedRecord[]): Promise<void>
  /** The next offset of each partition; empty when there is no such topic. */
  heads(topic: string): Promise<ReadonlyMap<number, bigint>>
  /** Of each partition the oldest records from the given offset on, at most `maxRecords` of each. */
  read(
    topic: string,
    from: ReadonlyMap<number, bigint>,
    maxRecords: number,
  ): Promise<ReadonlyMap<number, readonly TimedRecord[]>>

  /** Makes the group's cursors where it has none: at the present end, or without a position. */
  makeCursors(member: Member, from: 'beginning' | 'end'): Promise<void>
  /**
   * Renews what the member holds, and frees what is its own by the store alone: an `acquire` whose answer was lost can
   * come to pass, and nobody would ever handle what it took.
   */
  beat(member: Member, held: readonly number[]): Promise<Beat>
  /** Takes at most `count` partitions that nobody holds, or that the store thinks are this member's; none of `except`. */
  acquire(
    member: Member,
    count: number,
    except: readonly number[],
  ): Promise<ReadonlyMap<number, bigint | null>>
  /** Moves cursors forward, those this member still owns. */
  commit(member: Member, positions: ReadonlyMap<number, bigint>): Promise<void>
  release(member: Member, partition: number): Promise<void>
  /** Releases everything and leaves the group. */
  leave(member: Member): Promise<void>

  /** Begins to tell what happens, best effort; `missed` after each gap in the telling. */
  watch(watcher: StoreWatcher): void
  ping(): Promise<void>
  close(): Promise<void>
}

export interface StoreWatcher {
  readonly appended: (topic: string, partition: number) => void
  readonly groupChanged: (group: string) => void
  readonly missed: () => void
}
