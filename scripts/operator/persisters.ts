import type { LogReader, Ranges } from '@roomlog/event-log'
import { PERSISTER_GROUP } from '@roomlog/events'

/** Whether the persisters have done with all created records below these ends. */
export async function persistersHaveReached(reader: LogReader, ends: Ranges): Promise<boolean> {
  return (await partitionsBehind(reader, ends)).size === 0
}

/** The partitions in which they have not. */
export async function partitionsBehind(reader: LogReader, ends: Ranges): Promise<ReadonlySet<number>> {
  const positions = await reader.positions(PERSISTER_GROUP, 'created')
  // Of a partition without a record they may have no position.
  const behind = [...ends].filter(
    ([partition, { from, end }]) => from !== end && (positions.get(partition) ?? 0n) < end,
  )
  return new Set(behind.map(([partition]) => partition))
}
