import { newId } from '@roomlog/protocol'

const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
const HIGHEST_FIRST = '7'
/** The time of a ULID and 30 of its 80 random bits: so often there is a next one in the same millisecond. */
const COUNTED_LENGTH = 16

/**
 * An id for each of `roomIds`, rising within each room and above what `lastIds` has for it. Where a room's last id is
 * ahead of this clock its time is kept and what follows is counted up, so one fast clock moves no other room. The end is
 * a fresh one's: the next of a room's last id may be another room's last id, from the same process in the same moment.
 */
export function mintIds(
  roomIds: readonly string[],
  lastIds: ReadonlyMap<string, string | null>,
  freshId: () => string = newId,
): readonly string[] {
  const newest = new Map(lastIds)
  return roomIds.map((roomId) => {
    const last = newest.get(roomId) ?? ''
    const fresh = freshId()
    const id = fresh > last ? fresh : next(last, fresh)
    newest.set(roomId, id)
    return id
  })
}

function next(last: string, fresh: string): string {
  return incremented(last.slice(0, COUNTED_LENGTH)) + fresh.slice(COUNTED_LENGTH)
}

/** What follows in the order of ULIDs and their beginnings. A full random part carries into the time. */
export function incremented(id: string): string {
  const kept = id.replace(/Z+$/, '')
  const last = kept.at(-1)
  if (last === undefined || (kept.length === 1 && last >= HIGHEST_FIRST))
    throw new RangeError('no ULID follows')
  const next = ALPHABET.charAt(ALPHABET.indexOf(last) + 1)
  return (kept.slice(0, -1) + next).padEnd(id.length, '0')
}
