import type { Entry, Seen } from '../history.ts'
import { eachSeen, type Violation } from './violation.ts'

/** Where a connection stands in a room that it has joined. */
export interface Position {
  readonly connection: string
  readonly roomId: string
  last: number
  isJoined: boolean
  /** Its stream is to begin behind `last`, as a resume asked for. */
  isResuming: boolean
  /** The `afterSeq` of each join that is not answered; they are answered in turn. */
  readonly asked: (number | undefined)[]
}

/**
 * I5: everybody sees one message at one seq. I7, I8: on a connection a room's seq rises by one, from where it was joined.
 * `positions` are those of the time when everything was to be settled.
 */
export function streams(history: readonly Entry[]) {
  const violations: Violation[] = oneToOne(history)
  const positions = new Map<string, Position>()
  let [gaps, reordered, observations] = [0, 0, 0]
  const positionOf = (connection: string, roomId: string): Position => {
    const key = `${connection} ${roomId}`
    const known = positions.get(key)
    if (known !== undefined) return known
    const made = { connection, roomId, last: 0, isJoined: false, isResuming: false, asked: [] }
    positions.set(key, made)
    return made
  }
  const standing = () => [...positions.values()].map((it) => ({ ...it }))
  let atSettled: readonly Position[] | undefined
  for (const entry of history) {
    switch (entry.type) {
      case 'phase':
        if (entry.phase === 'settled') atSettled ??= standing()
        break
      case 'join':
        positionOf(entry.connection, entry.roomId).asked.push(entry.afterSeq)
        break
      case 'joinRefused':
        positionOf(entry.connection, entry.roomId).asked.shift()
        break
      case 'joined': {
        const position = positionOf(entry.connection, entry.roomId)
        const afterSeq = entry.asked ? position.asked.shift() : undefined
        const isResumed = afterSeq !== undefined && entry.recovered !== false
        position.last = isResumed ? afterSeq : entry.headSeq
        position.isResuming = isResumed
        position.isJoined = true
        break
      }
      case 'left':
      case 'removed':
        positionOf(entry.connection, entry.roomId).isJoined = false
        break
      case 'closed':
        for (const position of positions.values()) {
          if (position.connection === entry.connection) position.isJoined = false
        }
        break
      case 'live': {
        observations += 1
        const position = positionOf(entry.connection, entry.roomId)
        const expected = position.last + 1
        if (!position.isJoined) {
          violations.push({ invariant: 'I7', what: `${wordsOf(entry)} without being joined`, trace: [entry] })
        } else if (entry.seq !== expected) {
          if (entry.seq > expected) gaps += 1
          else reordered += 1
          const invariant = position.isResuming ? 'I8' : 'I7'
          violations.push({ invariant, what: `${wordsOf(entry)} instead of ${expected}`, trace: [entry] })
        }
        position.last = entry.seq
        position.isResuming = false
        break
      }
      case 'page':
        observations += entry.messages.length
        break
    }
  }
  return { violations, gaps, reordered, observations, positions: atSettled ?? standing() }
}

function wordsOf({ connection, roomId, seq }: { connection: string; roomId: string; seq: number }): string {
  return `${connection} got ${seq} of ${roomId}`
}

function oneToOne(history: readonly Entry[]): Violation[] {
  const violations: Violation[] = []
  const bySeq = new Map<string, Seen>()
  const byId = new Map<string, string>()
  eachSeen(history, (roomId, seen, entry) => {
    const place = `${roomId} ${seen.seq}`
    const known = bySeq.get(place)
    if (known === undefined) bySeq.set(place, seen)
    else if (!isSame(known, seen)) {
      violations.push({ invariant: 'I5', what: `${place} is ${known.id} and ${seen.id}`, trace: [entry] })
    }
    const knownPlace = byId.get(seen.id)
    if (knownPlace === undefined) byId.set(seen.id, place)
    else if (knownPlace !== place) {
      violations.push({
        invariant: 'I5',
        what: `${seen.id} is at ${knownPlace} and ${place}`,
        trace: [entry],
      })
    }
  })
  return violations
}

function isSame(a: Seen, b: Seen): boolean {
  return a.id === b.id && a.senderId === b.senderId && a.clientMsgId === b.clientMsgId && a.body === b.body
}
