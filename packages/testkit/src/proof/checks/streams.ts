import type { Entry, Seen } from '../history.ts'
import type { Sighting } from './sightings.ts'
import type { Violation } from './violation.ts'

/** Where a connection stands in a room that it has joined. */
export interface Position {
  readonly connection: string
  readonly roomId: string
  last: number
  isJoined: boolean
  /** Nothing has come since a resume; the stream is to begin behind one of these. */
  resumes: readonly number[]
  /**
   * The `afterSeq` of each join that may be answered yet. They are answered in turn, but one that another has overtaken
   * may never be: with more than one of them, an answer may be to any.
   */
  readonly asked: (number | undefined)[]
  /** The `afterSeq` of the newest join, which what was refused in its place (a send, say) does not end. */
  newest: number | undefined
}

/**
 * I5: everybody sees one message at one seq. I7, I8: on a connection a room's seq rises by one, from where it was joined.
 * `positions` are those of the time when everything was to be settled.
 */
export function streams(history: readonly Entry[], seen: readonly Sighting[]) {
  const violations: Violation[] = oneToOne(seen)
  /** By connection, then by room. */
  const positions = new Map<string, Map<string, Position>>()
  let [gaps, reordered, observations] = [0, 0, 0]
  const positionOf = (connection: string, roomId: string): Position => {
    const rooms = positions.get(connection) ?? new Map<string, Position>()
    positions.set(connection, rooms)
    const known = rooms.get(roomId)
    if (known !== undefined) return known
    const made = { connection, roomId, last: 0, isJoined: false, resumes: [], asked: [], newest: undefined }
    rooms.set(roomId, made)
    return made
  }
  const standing = () =>
    [...positions.values()].flatMap((rooms) => [...rooms.values()].map((it) => ({ ...it })))
  let atSettled: readonly Position[] | undefined
  for (const entry of history) {
    switch (entry.type) {
      case 'phase':
        if (entry.phase === 'settled') atSettled ??= standing()
        break
      case 'join': {
        const position = positionOf(entry.connection, entry.roomId)
        position.asked.push(entry.afterSeq)
        position.newest = entry.afterSeq
        break
      }
      case 'joinRefused':
        positionOf(entry.connection, entry.roomId).asked.shift()
        break
      case 'joined': {
        const position = positionOf(entry.connection, entry.roomId)
        position.resumes = resumesOf(position, entry)
        position.last = position.resumes.length > 0 ? Math.max(...position.resumes) : entry.headSeq
        if (isAnswer(entry)) position.asked.shift()
        position.isJoined = true
        break
      }
      case 'left':
      case 'removed':
        positionOf(entry.connection, entry.roomId).isJoined = false
        break
      case 'closed':
        for (const position of positions.get(entry.connection)?.values() ?? []) position.isJoined = false
        break
      case 'live': {
        observations += 1
        const position = positionOf(entry.connection, entry.roomId)
        const isResume = position.resumes.includes(entry.seq - 1)
        const expected = isResume ? entry.seq : position.last + 1
        if (!position.isJoined) {
          violations.push({ invariant: 'I7', what: `${wordsOf(entry)} without being joined`, trace: [entry] })
        } else if (entry.seq !== expected) {
          if (entry.seq > expected) gaps += 1
          else reordered += 1
          const invariant = position.resumes.length > 0 ? 'I8' : 'I7'
          violations.push({ invariant, what: `${wordsOf(entry)} instead of ${expected}`, trace: [entry] })
        }
        position.last = entry.seq
        position.resumes = []
        break
      }
      case 'page':
        observations += entry.messages.length
        break
    }
  }
  return { violations, gaps, reordered, observations, positions: atSettled ?? standing() }
}

/** The server begins a stream anew by itself only where it could not be recovered. */
export function isAnswer(entry: { readonly asked: boolean; readonly recovered?: boolean }): boolean {
  return entry.asked || entry.recovered === true
}

/** What the answer may resume behind; empty where its stream begins behind its head. */
function resumesOf(
  { asked, newest }: Position,
  entry: { readonly asked: boolean; readonly recovered?: boolean; readonly headSeq: number },
): readonly number[] {
  const afterSeqs = asked.length > 0 ? asked : [newest]
  if (!isAnswer(entry) || entry.recovered === false || afterSeqs.every((it) => it === undefined)) return []
  return afterSeqs.map((afterSeq) => afterSeq ?? entry.headSeq)
}

function wordsOf({ connection, roomId, seq }: { connection: string; roomId: string; seq: number }): string {
  return `${connection} got ${seq} of ${roomId}`
}

function oneToOne(sightings: readonly Sighting[]): Violation[] {
  const violations: Violation[] = []
  const bySeq = new Map<string, Seen>()
  const byId = new Map<string, string>()
  for (const { seen, entry } of sightings) {
    const place = `${entry.roomId} ${seen.seq}`
    const known = bySeq.get(place)
    if (known === undefined) bySeq.set(place, seen)
    else {
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
  }
  return violations
}
