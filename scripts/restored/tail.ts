import { type Database, NO_SOURCE_PARTITION } from '@roomlog/db'
import type { LogReader, Ranges } from '@roomlog/event-log'
import { PERSISTER_GROUP } from '@roomlog/events'
import { sql } from 'kysely'
import { suspectOf } from '../audit/created.ts'
import type { MessageKey } from '../audit/rows.ts'

/** What the log has of one partition that the database may lack. */
export interface Tail {
  readonly partition: number
  /** Where the persisters are to go on. */
  readonly from: bigint
  /** Where they are. */
  readonly position: bigint
  /** Records between the end of the database and the oldest that the log keeps. */
  readonly removed: bigint
}

interface LastStored extends MessageKey {
  readonly partition: number
  readonly offset: number
}

/**
 * Where the database ends in each partition of the log.
 *
 * It is behind the record with the highest offset that has a row: persisters take the records of a partition in order, go
 * on only behind what is stored (or dead-lettered, or a repeat), and of a batch they store one run after the other, each
 * whole. So whatever moment the database was restored to, the records of a partition that it knows are those below one
 * offset, also where two persisters overlapped. That row is the last one of its room, since a room lies in one partition
 * and its seqs rise with the offsets: a look at each room's head is enough, not one at all messages.
 *
 * The offset counts only where the log still has that very record there. Else it is not known to be of this log (one that
 * was begun anew gives the old offsets again), or too old to be kept: then everything that
 * is kept is taken again, and de-duplication leaves one row of each message all the same.
 */
export async function tailsOf(reader: LogReader, db: Database['db']): Promise<readonly Tail[]> {
  const bounds = await reader.bounds('created')
  const positions = await reader.positions(PERSISTER_GROUP, 'created')
  const stored = await lastStored(db)
  const confirmed = await confirmedIn(reader, bounds, stored)
  return [...bounds].flatMap(([partition, { from: oldest }]) => {
    const position = positions.get(partition)
    // They have not begun there, and will at the beginning.
    if (position === undefined) return []
    const last = stored.get(partition)
    const end = last === undefined ? 0n : BigInt(last.offset) + 1n
    const from = confirmed.has(partition) ? end : oldest
    if (position <= from) return []
    return [{ partition, from, position, removed: end < oldest ? oldest - end : 0n }]
  })
}

/** Of each partition the row with the highest offset. */
async function lastStored(db: Database['db']): Promise<ReadonlyMap<number, LastStored>> {
  const { rows } = await sql<LastStored>`
    SELECT DISTINCT ON (m.source_partition) m.source_partition AS partition, m.source_offset AS "offset",
           m.room_id AS "roomId", m.sender_id AS "senderId", m.client_msg_id AS "clientMsgId"
    FROM chat.rooms r JOIN chat.messages m ON m.room_id = r.id AND m.seq = r.last_seq
    WHERE m.source_partition <> ${NO_SOURCE_PARTITION}
    ORDER BY m.source_partition, m.source_offset DESC`.execute(db)
  return new Map(rows.map((row) => [row.partition, row]))
}

/** The partitions whose record at that offset is the one that the row was made of. */
async function confirmedIn(
  reader: LogReader,
  bounds: Ranges,
  stored: ReadonlyMap<number, LastStored>,
): Promise<ReadonlySet<number>> {
  const confirmed = new Set<number>()
  const ranges = new Map(
    [...stored].flatMap(([partition, { offset }]) => {
      const from = BigInt(offset)
      const kept = bounds.get(partition)
      const isKept = kept !== undefined && from >= kept.from && from < kept.end
      return isKept ? [[partition, { from, end: from + 1n }] as const] : []
    }),
  )
  await reader.read('created', {
    ranges,
    onRecords: async (partition, [record]) => {
      const row = stored.get(partition)
      const address = record === undefined ? undefined : suspectOf(partition, record).address
      const isOf = address?.roomId === row?.roomId && address?.senderId === row?.senderId
      if (isOf && address?.clientMsgId === row?.clientMsgId) confirmed.add(partition)
    },
  })
  return confirmed
}
