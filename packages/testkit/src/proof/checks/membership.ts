import type { Entry, Seen } from '../history.ts'
import { addressOf, type Violation } from './violation.ts'

/** Of a removal, where its signal was lost. */
const EFFECT_WITHIN_MS = 6_000
/** Of a removal, for what its user sends over an edge that is cut off from the database. */
const CUT_OFF_EFFECT_WITHIN_MS = 60_000
/** After a fault an edge may be cut off for so long, by I13. */
const CONNECTED_WITHIN_MS = 15_000

interface Membership {
  isMember: boolean
  /** When the last removal was answered; undefined while a member or while that is not certain. */
  removedAt: number | undefined
  /** Additions that may still take effect. */
  readonly adding: Set<string>
  /** Removals under way, during which no addition was. */
  readonly removing: Set<string>
}

/** I15: who is no member gets nothing and says nothing, and a removal takes effect within its bound. */
export function membership(history: readonly Entry[]): readonly Violation[] {
  const violations: Violation[] = []
  const memberships = new Memberships()
  const faults = new Faults()
  const sends = new LateSends()
  const evicted = new Set<string>()
  const readAt = new Map<string, number>()
  const mayNot = (entry: Entry & { client: string; roomId: string }, at: number, boundMs: number) => {
    const { isMember, removedAt } = memberships.ofClient(entry.client, entry.roomId)
    if (isMember && (removedAt === undefined || at <= removedAt + boundMs)) return
    const since =
      removedAt === undefined ? 'is no member' : `was removed ${Math.round(at - removedAt)} ms before`
    violations.push({
      invariant: 'I15',
      what: `${entry.client} got ${entry.type} of ${entry.roomId} and ${since}`,
      trace: [entry],
    })
  }
  const published = (entry: Entry & { roomId: string }, message: Pick<Seen, 'senderId' | 'clientMsgId'>) => {
    const what = sends.takeLate(entry.roomId, message)
    if (what !== undefined) violations.push({ invariant: 'I15', what, trace: [entry] })
  }
  for (const entry of history) {
    switch (entry.type) {
      case 'person':
        memberships.begin(entry)
        break
      case 'membership':
        changed(memberships.of(entry.userId, entry.roomId), entry)
        break
      case 'fault':
        faults.take(entry)
        break
      case 'send':
        sends.take(entry, isLate(memberships.of(entry.userId, entry.roomId), entry.t, faults))
        break
      case 'ack':
        if (entry.status === 'ACCEPTED') published(entry, { ...entry, senderId: entry.userId })
        break
      case 'removed':
        evicted.add(`${entry.connection} ${entry.roomId}`)
        break
      case 'joined':
        mayNot(entry, entry.t, EFFECT_WITHIN_MS)
        evicted.delete(`${entry.connection} ${entry.roomId}`)
        break
      case 'read':
        readAt.set(entry.read, entry.t)
        break
      case 'page':
        // A read looks at the membership in the statement that reads the rows.
        mayNot(entry, readAt.get(entry.read) ?? entry.t, 0)
        readAt.delete(entry.read)
        for (const message of entry.messages) published(entry, message)
        break
      case 'live':
        mayNot(entry, entry.t, EFFECT_WITHIN_MS)
        if (evicted.size > 0 && evicted.has(`${entry.connection} ${entry.roomId}`)) {
          const what = `${entry.connection} got ${entry.seq} of ${entry.roomId} after it was told of its removal`
          violations.push({ invariant: 'I15', what, trace: [entry] })
        }
        published(entry, entry)
        break
    }
  }
  return violations
}

class Memberships {
  readonly #users = new Map<string, string>()
  /** By room, then by user. */
  readonly #rooms = new Map<string, Map<string, Membership>>()

  begin({ client, userId, member }: Extract<Entry, { type: 'person' }>): void {
    this.#users.set(client, userId)
    for (const roomId of member) this.of(userId, roomId).isMember = true
  }

  ofClient(client: string, roomId: string): Membership {
    return this.of(this.#users.get(client) ?? '', roomId)
  }

  of(userId: string, roomId: string): Membership {
    const members = this.#rooms.get(roomId) ?? new Map<string, Membership>()
    this.#rooms.set(roomId, members)
    const known = members.get(userId)
    if (known !== undefined) return known
    const made = {
      isMember: false,
      removedAt: undefined,
      adding: new Set<string>(),
      removing: new Set<string>(),
    }
    members.set(userId, made)
    return made
  }
}

class Faults {
  /** By then every edge is connected again. */
  connectedAt = Number.NEGATIVE_INFINITY
  readonly #acts = new Set<string>()

  get areUnderWay(): boolean {
    return this.#acts.size > 0
  }

  take({ phase, act, t }: Extract<Entry, { type: 'fault' }>): void {
    if (phase === 'begin') this.#acts.add(act)
    else {
      this.#acts.delete(act)
      this.connectedAt = t + CONNECTED_WITHIN_MS
    }
  }
}

/** Whether what is sent now must not be published any more. */
function isLate({ isMember, removedAt }: Membership, now: number, faults: Faults): boolean {
  if (!isMember) return true
  if (removedAt === undefined) return false
  if (now > removedAt + CUT_OFF_EFFECT_WITHIN_MS) return true
  return !faults.areUnderWay && now > Math.max(removedAt, faults.connectedAt) + EFFECT_WITHIN_MS
}

/** Messages of which every attempt until now was late. */
class LateSends {
  readonly #inTime = new Set<string>()
  readonly #late = new Set<string>()

  take(entry: Extract<Entry, { type: 'send' }>, isLate: boolean): void {
    const key = addressOf(entry.roomId, { senderId: entry.userId, clientMsgId: entry.clientMsgId })
    if (this.#inTime.has(key)) return
    if (isLate) this.#late.add(key)
    else {
      this.#inTime.add(key)
      this.#late.delete(key)
    }
  }

  /** What is wrong with having accepted or shown that message, once. */
  takeLate(roomId: string, message: Pick<Seen, 'senderId' | 'clientMsgId'>): string | undefined {
    if (this.#late.size === 0 || !this.#late.delete(addressOf(roomId, message))) return undefined
    return `${message.clientMsgId} of ${roomId} was published, and sent when its sender was no member any more`
  }
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
