import type { Entry } from '../history.ts'
import { addressOf, type Violation } from './violation.ts'

/** Of a removal, where its signal was lost. */
const EFFECT_WITHIN_MS = 6_000
/** Of a removal, for what its user sends over an edge that is cut off from the database. */
const SENDS_END_WITHIN_MS = 60_000

interface Membership {
  isMember: boolean
  /** When the last removal was answered; undefined while a member or while that is not certain. */
  removedAt: number | undefined
  /** Additions that may still take effect. */
  readonly adding: Set<string>
  /** Removals under way, during which no addition was. */
  readonly removing: Set<string>
}

/** I15: who is no member gets nothing, and a removal takes effect within its bound. */
export function membership(history: readonly Entry[]): readonly Violation[] {
  const violations: Violation[] = []
  const users = new Map<string, string>()
  const memberships = new Map<string, Membership>()
  const evicted = new Set<string>()
  const readAt = new Map<string, number>()
  const sent = new Set<string>()
  const late = new Set<string>()
  const of = (userId: string, roomId: string): Membership => {
    const key = `${userId} ${roomId}`
    const known = memberships.get(key)
    if (known !== undefined) return known
    const made: Membership = {
      isMember: false,
      removedAt: undefined,
      adding: new Set(),
      removing: new Set(),
    }
    memberships.set(key, made)
    return made
  }
  const mayNot = (entry: Entry & { client: string; roomId: string }, at: number, boundMs: number) => {
    const { isMember, removedAt } = of(users.get(entry.client) ?? '', entry.roomId)
    if (isMember && (removedAt === undefined || at <= removedAt + boundMs)) return
    const since =
      removedAt === undefined ? 'is no member' : `was removed ${Math.round(at - removedAt)} ms before`
    violations.push({
      invariant: 'I15',
      what: `${entry.client} got ${entry.type} of ${entry.roomId} and ${since}`,
      trace: [entry],
    })
  }
  for (const entry of history) {
    switch (entry.type) {
      case 'person':
        users.set(entry.client, entry.userId)
        for (const roomId of entry.member) of(entry.userId, roomId).isMember = true
        break
      case 'membership':
        changed(of(entry.userId, entry.roomId), entry)
        break
      case 'send': {
        const key = addressOf(entry.roomId, { senderId: entry.userId, clientMsgId: entry.clientMsgId })
        if (sent.has(key)) break
        sent.add(key)
        const { removedAt } = of(entry.userId, entry.roomId)
        if (removedAt !== undefined && entry.t > removedAt + SENDS_END_WITHIN_MS) late.add(key)
        break
      }
      case 'removed':
        evicted.add(`${entry.connection} ${entry.roomId}`)
        break
      case 'joined':
        evicted.delete(`${entry.connection} ${entry.roomId}`)
        break
      case 'read':
        readAt.set(entry.read, entry.t)
        break
      case 'page':
        // A read looks at the membership in the statement that reads the rows.
        mayNot(entry, readAt.get(entry.read) ?? entry.t, 0)
        readAt.delete(entry.read)
        break
      case 'live': {
        mayNot(entry, entry.t, EFFECT_WITHIN_MS)
        if (evicted.has(`${entry.connection} ${entry.roomId}`)) {
          const what = `${entry.connection} got ${entry.seq} of ${entry.roomId} after it was told of its removal`
          violations.push({ invariant: 'I15', what, trace: [entry] })
        }
        const key = addressOf(entry.roomId, entry)
        if (late.delete(key)) {
          const what = `${key} was sent more than ${SENDS_END_WITHIN_MS} ms after its sender's removal`
          violations.push({ invariant: 'I15', what, trace: [entry] })
        }
        break
      }
    }
  }
  return violations
}

/** Of a removal and an addition at the same time, either may be the last. */
function changed(state: Membership, { change, phase, op, t }: Extract<Entry, { type: 'membership' }>): void {
  if (change === 'add') {
    if (phase !== 'begin') state.adding.delete(op)
    else {
      state.isMember = true
      state.removedAt = undefined
      state.adding.add(op)
      state.removing.clear()
    }
  } else if (phase === 'begin') {
    if (state.adding.size === 0) state.removing.add(op)
  } else if (state.removing.delete(op) && phase === 'done') state.removedAt = t
}
