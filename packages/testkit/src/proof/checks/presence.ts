import type { Entry } from '../history.ts'
import type { Violation } from './violation.ts'

const RIGHT_WITHIN_MS = 80_000

interface Sockets {
  open: number
  changedAt: number
}

/** I17: who is said to be online has a socket, and the other way round, 80 s after the last change and the last fault. */
export function presence(history: readonly Entry[]): readonly Violation[] {
  const violations: Violation[] = []
  const users = new Map<string, string>()
  const sockets = new Map<string, Sockets>()
  const of = (userId: string): Sockets => {
    const known = sockets.get(userId)
    if (known !== undefined) return known
    const made = { open: 0, changedAt: Number.NEGATIVE_INFINITY }
    sockets.set(userId, made)
    return made
  }
  let faultAt = Number.NEGATIVE_INFINITY
  for (const entry of history) {
    if (entry.type === 'person') users.set(entry.client, entry.userId)
    if (entry.type === 'fault') faultAt = entry.t
    if (entry.type === 'connected' || entry.type === 'closed') {
      const state = of(users.get(entry.client) ?? '')
      state.open += entry.type === 'connected' ? 1 : -1
      state.changedAt = entry.t
    }
    if (entry.type !== 'presence') continue
    for (const [userId, online] of Object.entries(entry.online)) {
      const { open, changedAt } = of(userId)
      const isDue = entry.startedAt - Math.max(changedAt, faultAt) >= RIGHT_WITHIN_MS
      if (!isDue || online === open > 0) continue
      const what = `${userId} is said to be ${online === null ? 'unknown' : online ? 'online' : 'offline'} and has ${open} sockets`
      violations.push({ invariant: 'I17', what })
    }
  }
  return violations
}
