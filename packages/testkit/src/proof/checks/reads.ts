import type { Entry } from '../history.ts'
import { isAnswer } from './streams.ts'
import type { Violation } from './violation.ts'

type Page = Extract<Entry, { type: 'page' }>
type Read = Extract<Entry, { type: 'read' }>
type InRoom = Entry & { readonly roomId: string }

interface Room {
  /** The highest seq of which an observation was completed. */
  observed: number
  readonly seenAt: Map<number, number>
  /** Seqs at or below a head that was answered, which were not there. */
  readonly missing: Set<number>
}

/**
 * I9: a head is no lower than what had been seen before it was asked for. I10: what was not there below an answered head
 * never comes. I11: what was seen is in every later page that reaches over it. I8: a page goes on from seq to seq, too, for
 * who was away catches up by pages as well as by a resume.
 */
export function reads(history: readonly Entry[]): readonly Violation[] {
  const violations: Violation[] = []
  const rooms = new Map<string, Room>()
  const joins = new Map<string, number[]>()
  const asked = new Map<string, { readonly observed: number; readonly read: Read }>()
  const roomOf = (roomId: string): Room => {
    const known = rooms.get(roomId)
    if (known !== undefined) return known
    const made: Room = { observed: 0, seenAt: new Map(), missing: new Set() }
    rooms.set(roomId, made)
    return made
  }
  const saw = (entry: InRoom, seq: number) => {
    const { roomId } = entry
    const room = roomOf(roomId)
    room.observed = Math.max(room.observed, seq)
    if (room.seenAt.has(seq)) return
    room.seenAt.set(seq, entry.t)
    if (!room.missing.has(seq)) return
    const what = `${roomId} ${seq} came after a read that answered a head above it and did not have it`
    violations.push({ invariant: 'I10', what, trace: [entry] })
  }
  // Several may be under way on one connection; an answer is held to what had been seen before the first of them.
  const joinsOf = ({ connection, roomId }: { readonly connection: string; readonly roomId: string }) => {
    const key = `${connection} ${roomId}`
    const waiting = joins.get(key) ?? []
    joins.set(key, waiting)
    return waiting
  }
  const headMustReach = (entry: InRoom, head: number, observed: number) => {
    if (head >= observed) return
    violations.push({
      invariant: 'I9',
      what: `${entry.roomId}: head ${head}, and ${observed} had been seen`,
      trace: [entry],
    })
  }
  for (const entry of history) {
    switch (entry.type) {
      case 'join':
        joinsOf(entry).push(roomOf(entry.roomId).observed)
        break
      case 'joinRefused':
        joinsOf(entry).shift()
        break
      case 'joined': {
        if (isAnswer(entry)) headMustReach(entry, entry.headSeq, joinsOf(entry).shift() ?? 0)
        roomOf(entry.roomId).observed = Math.max(roomOf(entry.roomId).observed, entry.headSeq)
        break
      }
      case 'read':
        asked.set(entry.read, { observed: roomOf(entry.roomId).observed, read: entry })
        break
      case 'page': {
        const before = asked.get(entry.read)
        asked.delete(entry.read)
        headMustReach(entry, entry.head, before?.observed ?? 0)
        if (!isRising(entry.messages)) {
          const what = `${entry.roomId}: the seqs of a page do not rise`
          violations.push({ invariant: 'I8', what, trace: [entry] })
        }
        const room = roomOf(entry.roomId)
        for (const seq of holesOf(entry, before?.read)) {
          const seenAt = room.seenAt.get(seq)
          if (seenAt === undefined) room.missing.add(seq)
          else {
            // Seen while the page was under way: not late, but its head was answered without it.
            const invariant = seenAt < (before?.read.t ?? 0) ? 'I11' : 'I10'
            const what = `${entry.roomId} ${seq} has been seen and is not in a page around it`
            violations.push({ invariant, what, trace: [entry] })
          }
        }
        for (const { seq } of entry.messages) saw(entry, seq)
        room.observed = Math.max(room.observed, entry.head)
        break
      }
      case 'live':
        saw(entry, entry.seq)
        break
    }
  }
  return violations
}

function isRising(messages: Page['messages']): boolean {
  return messages.every(({ seq }, i) => seq > (messages[i - 1]?.seq ?? 0))
}

/** What the page had to show by its own words and does not: seqs between its first and last, and up to the end it claims. */
function holesOf({ messages, head, hasMore }: Page, read: Read | undefined): readonly number[] {
  if (read === undefined) return []
  const [first, last] = [messages[0]?.seq, messages.at(-1)?.seq]
  const isForward = read.after !== undefined
  const oldest = hasMore ? (first ?? head + 1) : 1
  const begin = isForward ? (read.after ?? 0) + 1 : oldest
  const newest = read.before === undefined ? head : Math.min(head, read.before - 1)
  const end = isForward && hasMore ? (last ?? 0) : newest
  // Nearly every page is as long as what it reaches over.
  if (first === begin && last === end && messages.length === end - begin + 1 && isRising(messages)) return []
  const there = new Set(messages.map(({ seq }) => seq))
  const holes: number[] = []
  for (let seq = begin; seq <= end && holes.length < 100; seq += 1) if (!there.has(seq)) holes.push(seq)
  return holes
}
