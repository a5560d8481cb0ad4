import type { LogReader, OffsetRange } from '@roomlog/event-log'
import { PERSISTER_GROUP } from '@roomlog/events'
import { expect, test } from 'vitest'
import { readerWith } from '../test/log-reader.ts'
import { makePlan } from './plan.ts'

interface FakeLog {
  readonly created: OffsetRange
  readonly audited?: bigint
  readonly persistersAt?: bigint
  /** The offset of what the log took since. */
  readonly since?: bigint
  readonly published?: OffsetRange
  /** When the oldest published record was taken that is kept. */
  readonly oldest?: Date
}

const NONE = { from: 0n, end: 0n }

/** Of one partition. */
function readerOf(log: FakeLog): LogReader {
  const { created, persistersAt, since = created.end, published = NONE, oldest } = log
  return readerWith({
    bounds: async (topic) => new Map([[0, topic === 'created' ? created : published]]),
    offsetsAt: async (topic) => new Map([[0, topic === 'created' ? since : 0n]]),
    read: async (_, { onRecords }) => {
      if (oldest === undefined) return
      await onRecords(0, [{ key: 'room', headers: {}, value: null, offset: published.from, at: oldest }])
    },
    positions: async (group, topic) => {
      const position = topic === 'created' && group === PERSISTER_GROUP ? persistersAt : undefined
      return position === undefined ? new Map() : new Map([[0, position]])
    },
  })
}

const planOf = (log: FakeLog, options: { readonly full?: boolean; readonly since?: Date } = {}) =>
  makePlan(readerOf(log), {
    audited: { created: new Map(log.audited === undefined ? [] : [[0, log.audited]]), persisted: new Map() },
    ...{ full: false, since: undefined },
    ...options,
  })
const SINCE = { since: new Date(0) }

test('a look at what is new begins where the last one ended, the first with the oldest record', async () => {
  const created = { from: 3n, end: 9n }
  for (const [audited, from] of [
    [undefined, 3n],
    [1n, 3n],
    [5n, 5n],
    [9n, 9n],
    // Of another log than this one.
    [10n, 3n],
  ] as const) {
    const plan = await planOf({ created, ...(audited === undefined ? {} : { audited }) })
    expect(plan.created.get(0)).toEqual({ from, end: 9n })
    expect(plan.isContinued(0)).toBe(true)
  }
})

test('a look that leaves something out is none to continue after, the first neither', async () => {
  const created = { from: 3n, end: 9n }
  expect((await planOf({ created, audited: 5n, since: 5n }, SINCE)).isContinued(0)).toBe(true)
  expect((await planOf({ created, audited: 5n, since: 6n }, SINCE)).isContinued(0)).toBe(false)
  expect((await planOf({ created, since: 6n }, SINCE)).isContinued(0)).toBe(false)
  expect((await planOf({ created, since: 3n }, SINCE)).isContinued(0)).toBe(true)
})

test('what was published must still be there where nothing was removed, else where it is surely young enough', async () => {
  const created = { from: 0n, end: 9n }
  const oldest = new Date('2026-01-31T12:00:00Z')
  const minutesLater = (minutes: number) => new Date(oldest.getTime() + minutes * 60_000)
  const whole = await planOf({ created, published: { from: 0n, end: 9n }, oldest })
  expect(whole.isPublishedKept(0, minutesLater(-60))).toBe(true)
  const cut = await planOf({ created, published: { from: 4n, end: 9n }, oldest })
  expect([-60, 0, 4, 6].map((minutes) => cut.isPublishedKept(0, minutesLater(minutes)))).toEqual([
    false,
    false,
    false,
    true,
  ])
  const gone = await planOf({ created, published: { from: 9n, end: 9n } })
  expect(gone.isPublishedKept(0, minutesLater(60))).toBe(false)
})
