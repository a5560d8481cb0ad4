import type { LogReader, Ranges } from '@roomlog/event-log'
import { PERSISTER_GROUP } from '@roomlog/events'

/** Whether the persisters have done with all created records below these ends. */
export async function persistersHaveReached(reader: LogReader, ends: Ranges): Promise<boolean> {
  const positions = await reader.positions(PERSISTER_GROUP, 'created')
  // Of a partition without a record they may have no position.
  return [...ends].every(
    ([partition, { from, end }]) => from === end || (positions.get(partition) ?? 0n) >= end,
  )
}
