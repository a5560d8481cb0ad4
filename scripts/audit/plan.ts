import type { LogReader, Positions, Ranges } from '@roomlog/event-log'
import { PERSISTER_GROUP } from '@roomlog/events'
import { CLOCKS_DIFFER_MS, oldestTimes } from './explained.ts'
import type { Audited } from './memory.ts'

export interface PlanOptions {
  /** How far the last audit came. */
  readonly audited: Audited
  /** Everything that the log still has, whatever was audited. */
  readonly full: boolean
  /** Only what the log took since; undefined: what was not audited yet. */
  readonly since: Date | undefined
}

/** Which records an audit looks at. */
export interface Plan {
  /** How far the last audit came in this log. */
  readonly audited: Audited
  /** Where the persisters were before anything else was read: what lies below they had finished with by then. */
  readonly persistersAt: Positions
  readonly created: Ranges
  /** Created records that were removed for their age before the persisters had come to them. */
  readonly removed: Ranges
  readonly publishedFrom: Positions
  /** Nothing that was not audited lies between the last audit of the partition and this one. */
  readonly isContinued: (partition: number) => boolean
  /** Whether what was published of a created record that the log took at `at` must still be there. */
  readonly isPublishedKept: (partition: number, at: Date) => boolean
}

export async function makePlan(reader: LogReader, options: PlanOptions): Promise<Plan> {
  const persistersAt = await reader.positions(PERSISTER_GROUP, 'created')
  const created = await reader.bounds('created')
  const published = await reader.bounds('persisted')
  const audited = {
    created: insideOf(created, options.audited.created),
    persisted: insideOf(published, options.audited.persisted),
  }
  const starts = await startsOf(reader, { ...options, audited })
  const createdFrom = within(created, starts.created)
  return {
    audited,
    persistersAt,
    created: new Map(
      [...created].map(([p, { from, end }]) => [p, { from: createdFrom.get(p) ?? from, end }]),
    ),
    removed: new Map(
      [...created]
        .map(([p, { from }]) => [p, { from: persistersAt.get(p) ?? from, end: from }] as const)
        .filter(([, { from, end }]) => from < end),
    ),
    publishedFrom: within(published, starts.persisted),
    isContinued: (partition) => {
      const [from, low] = [createdFrom.get(partition) ?? 0n, created.get(partition)?.from ?? 0n]
      const last = audited.created.get(partition) ?? low
      return from <= (last < low ? low : last)
    },
    isPublishedKept: await keptJudge(reader, published, starts.persisted),
  }
}

async function startsOf(reader: LogReader, { full, since, audited }: PlanOptions): Promise<Audited> {
  if (full) return { created: new Map(), persisted: new Map() }
  if (since === undefined) return audited
  return {
    created: await reader.offsetsAt('created', since),
    // What was published by a clock that goes behind is not overlooked.
    persisted: await reader.offsetsAt('persisted', new Date(since.getTime() - CLOCKS_DIFFER_MS)),
  }
}

/** Where nothing was removed since the last audit all is there; else what is surely younger than the oldest that is. */
async function keptJudge(
  reader: LogReader,
  published: Ranges,
  starts: Positions,
): Promise<Plan['isPublishedKept']> {
  const trimmed = new Set(
    [...published].flatMap(([partition, { from }]) =>
      from > (starts.get(partition) ?? 0n) ? [partition] : [],
    ),
  )
  const oldest = await oldestTimes(reader, trimmed, published, 'persisted')
  return (partition, at) => {
    if (!trimmed.has(partition)) return true
    const time = oldest.get(partition)
    return time !== undefined && at.getTime() > time.getTime() + CLOCKS_DIFFER_MS
  }
}

/** One beyond the end is of a log that was begun anew since. */
function insideOf(bounds: Ranges, positions: Positions): Positions {
  return new Map(
    [...positions].filter(([partition, position]) => position <= (bounds.get(partition)?.end ?? -1n)),
  )
}

function within(bounds: Ranges, positions: Positions): Positions {
  return new Map(
    [...bounds].map(([partition, { from }]) => {
      const position = positions.get(partition) ?? from
      return [partition, position < from ? from : position]
    }),
  )
}
