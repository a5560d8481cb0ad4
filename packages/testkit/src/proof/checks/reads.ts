import type { Entry } from '../history.ts'
import type { Violation } from './violation.ts'

type Page = Extract<Entry, { type: 'page' }>
type Read = Extract<Entry, { type: 'read' }>

interface Room {
  /** The highest seq of which an observation was completed. */
  observed: number
  readonly seenAt: Map<number, number>
  /** Seqs at or below a head that was answered, which were not there: by when. */
  readonly missing: Map<number, number>
}

/**
 * I9: a head is no lower than what had been seen before it was asked for. I10: what was not there below an answered head
 * never comes. I11: what was seen is in every later page that reaches over it.
 */
export function reads(history: readonly Entry[]): readonly Violation[] {
  const violations: Violation[] = []
  const rooms = new Map<string, Room>()
  const asked = new Map<string, { readonly observed: number; readonly t: number; readonly read?: Read }>()
  const roomOf = (roomId: string): Room => {
    const known = rooms.get(roomId)
    if (known !== undefined) return known
    const made = { observed: 0, seenAt: new Map(), missing: new Map() }
    rooms.set(roomId, made)
    return made
  }
  const saw = (entry: Entry, roomId: string, seq: number) => {
    const room = roomOf(roomId)
    room.observed = Math.max(room.observed, seq)
    if (room.seenAt.has(seq)) return
    room.seenAt.set(seq, entry.t)
    const since = room.missing.get(seq)
    if (since === undefined) return
    const what = `${roomId} ${seq} came after a read that answered a head above it and did not have it`
    violations.push({ invariant: 'I10', what, trace: [entry] })
  }
  const headMustReach = (entry: Entry, roomId: string, head: number, observed: number) => {
    if (head >= observed) return
    violations.push({
      invariant: 'I9',
      what: `${roomId}: head ${head}, and ${observed} had been seen`,
      trace: [entry],
    })
  }
  for (const entry of history) {
    switch (entry.type) {
      case 'join':
        asked.set(`${entry.connection} ${entry.roomId}`, {
          observed: roomOf(entry.roomId).observed,
          t: entry.t,
        })
        break
      case 'joined': {
        const key = `${entry.connection} ${entry.roomId}`
        if (entry.asked) headMustReach(entry, entry.roomId, entry.headSeq, asked.get(key)?.observed ?? 0)
        asked.delete(key)
        roomOf(entry.roomId).observed = Math.max(roomOf(entry.roomId).observed, entry.headSeq)
        break
      }
      case 'read':
        asked.set(entry.read, { observed: roomOf(entry.roomId).observed, t: entry.t, read: entry })
        break
      case 'page': {
        const before = asked.get(entry.read)
        asked.delete(entry.read)
        headMustReach(entry, entry.roomId, entry.head, before?.observed ?? 0)
        const room = roomOf(entry.roomId)
        for (const seq of holesOf(entry, before?.read)) {
          const seenAt = room.seenAt.get(seq)
          if (seenAt !== undefined && seenAt < (before?.t ?? 0)) {
            const what = `${entry.roomId} ${seq} had been seen and is not in a page around it`
            violations.push({ invariant: 'I11', what, trace: [entry] })
          }
          if (!room.missing.has(seq)) room.missing.set(seq, entry.t)
        }
        for (const { seq } of entry.messages) saw(entry, entry.roomId, seq)
        room.observed = Math.max(room.observed, entry.head)
        break
      }
      case 'live':
        saw(entry, entry.roomId, entry.seq)
        break
    }
  }
  return violations
}

/** What the page had to show by its own words and does not: seqs between its first and last, and up to the end it claims. */
function holesOf({ messages, head, hasMore }: Page, read: Read | undefined): readonly number[] {
  const [first, last] = [messages[0]?.seq, messages.at(-1)?.seq]
  const isForward = read?.after !== undefined
  const begin = isForward ? (read?.after ?? 0) + 1 : (first ?? head + 1)
  const newest = read?.before === undefined ? head : Math.min(head, read.before - 1)
  const end = isForward && hasMore ? (last ?? 0) : newest
  if (end - begin + 1 === messages.length) return []
  const there = new Set(messages.map(({ seq }) => seq))
  const holes: number[] = []
  for (let seq = begin; seq <= end && holes.length < 100; seq += 1) if (!there.has(seq)) holes.push(seq)
  return holes
}
