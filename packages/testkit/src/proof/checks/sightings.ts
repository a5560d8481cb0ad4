import { type Entry, isSameRow, type Seen } from '../history.ts'

export interface Sighting {
  readonly seen: Seen
  readonly entry: Extract<Entry, { type: 'live' | 'page' }>
}

/**
 * Every message as it was first seen, and once more for each other way in which its place was seen. Nearly all that is
 * seen was seen before by somebody else, and what says nothing new need not be looked at by every check.
 */
export function sightings(history: readonly Entry[]): readonly Sighting[] {
  const found: Sighting[] = []
  const rooms = new Map<string, Map<number, Seen[]>>()
  const take = (seen: Seen, entry: Sighting['entry']) => {
    const rows = rooms.get(entry.roomId) ?? new Map<number, Seen[]>()
    if (rows.size === 0) rooms.set(entry.roomId, rows)
    const known = rows.get(seen.seq)
    if (known === undefined) rows.set(seen.seq, [seen])
    else if (known.some((it) => isSameRow(it, seen))) return
    else known.push(seen)
    found.push({ seen, entry })
  }
  for (const entry of history) {
    if (entry.type === 'live') take(entry, entry)
    if (entry.type === 'page') for (const message of entry.messages) take(message, entry)
  }
  return found
}
