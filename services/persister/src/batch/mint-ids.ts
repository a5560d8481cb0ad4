import { newId } from '@roomlog/protocol'

const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
const HIGHEST_FIRST = '7'

/**
 * An id for each of `roomIds`, rising within each room and above what `lastIds` has for it. Where a room's last id is
 * ahead of this clock its time is kept and the rest counted up, so one fast clock moves no other room.
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
    const id = fresh > last ? fresh : incremented(last)
    newest.set(roomId, id)
    return id
  })
}

/** The ULID that follows. A full random part carries into the time: the next millisecond, with a random part of zeros. */
export function incremented(id: string): string {
  const kept = id.replace(/Z+$/, '')
  const last = kept.at(-1)
  if (last === undefined || (kept.length === 1 && last >= HIGHEST_FIRST))
    throw new RangeError('no ULID follows')
  const next = ALPHABET.charAt(ALPHABET.indexOf(last) + 1)
  return (kept.slice(0, -1) + next).padEnd(id.length, '0')
}
