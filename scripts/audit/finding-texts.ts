import type { OffsetRange } from '@roomlog/event-log'
import { keyOf, type Suspect } from './created.ts'
import type { Finding } from './findings.ts'
import type { FoundRow, StoredRow } from './rows.ts'

/** `persistersAt`: where they are in its partition. `isLost`: they had passed it before anything else was read. */
export function unstored(suspect: Suspect, persistersAt: bigint, isLost: boolean): Finding {
  const { at, event, isNewer } = suspect
  const why = isLost
    ? `is lost: the persisters have passed it and are at ${persistersAt}`
    : isNewer
      ? 'waits for a build that knows its newer version'
      : `waits for the persisters, which are at ${persistersAt}`
  const detail = `accepted ${event?.acceptedAt ?? at.toISOString()}, ${why}`
  return { kind: 'accepted_not_stored', detail, ...whereOf(suspect) }
}

/** Records that are gone; of which rooms, nobody can tell. */
export function removed(partition: number, { from, end }: OffsetRange): Finding {
  const detail = `and ${end - from - 1n} behind it are lost: they were removed for their age before the persisters came to them`
  return { kind: 'accepted_not_stored', detail, partition, offset: Number(from) }
}

export function altered(suspect: Suspect, row: FoundRow): Finding {
  const detail = 'its body is not the one of the record that it was made of'
  return { kind: 'unexplained_row', detail, ...whereOf(suspect), seq: row.seq }
}

export function unpublished(row: StoredRow): Finding {
  const detail = 'is stored, and the persisters have passed its record without publishing it'
  return { kind: 'stored_not_published', detail, ...placeOf(row) }
}

export function unexplainedRow(row: StoredRow): Finding {
  const detail = 'no created record stands where it says that it came from'
  return { kind: 'unexplained_row', detail, ...placeOf(row) }
}

function whereOf({ partition, offset, address }: Suspect) {
  const key = address === undefined ? {} : keyOf(address)
  return { ...key, partition, offset: Number(offset) }
}

function placeOf(row: StoredRow) {
  const { seq, partition, offset } = row
  return { ...keyOf(row), seq, partition, offset }
}
