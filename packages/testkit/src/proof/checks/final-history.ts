import type { Entry, Seen } from '../history.ts'
import { addressOf, type Violation } from './violation.ts'

/** What the last reading of everything brought, by all clients together. */
export interface FinalHistory {
  /** All rows of a message, which should be one. */
  rowsOf(roomId: string, senderId: string, clientMsgId: string): readonly Seen[]
  /** Undefined where nobody read the room. */
  headOf(roomId: string): number | undefined
  readonly size: number
  readonly violations: readonly Violation[]
}

/** I6: each room is 1..head without holes, as each of its readers reads it. */
export function finalHistory(history: readonly Entry[]): FinalHistory {
  const rooms = new Map<string, Map<number, Seen>>()
  const heads = new Map<string, number>()
  for (const entry of history) {
    if (entry.type !== 'page' || !entry.final) continue
    const rows = rooms.get(entry.roomId) ?? new Map<number, Seen>()
    rooms.set(entry.roomId, rows)
    heads.set(entry.roomId, Math.max(heads.get(entry.roomId) ?? 0, entry.head))
    for (const message of entry.messages) if (!rows.has(message.seq)) rows.set(message.seq, message)
  }
  const byAddress = new Map<string, Seen[]>()
  const violations: Violation[] = []
  let size = 0
  for (const [roomId, rows] of rooms) {
    size += rows.size
    for (const row of rows.values()) {
      const key = addressOf(roomId, row)
      const same = byAddress.get(key)
      if (same === undefined) byAddress.set(key, [row])
      else same.push(row)
    }
    const head = heads.get(roomId) ?? 0
    for (let seq = 1; seq <= head; seq += 1) {
      if (!rows.has(seq))
        violations.push({ invariant: 'I6', what: `${roomId} has no ${seq}, its head is ${head}` })
    }
    for (const seq of rows.keys()) {
      if (seq > head || seq < 1)
        violations.push({ invariant: 'I6', what: `${roomId} has ${seq}, its head is ${head}` })
    }
  }
  return {
    rowsOf: (roomId, senderId, clientMsgId) =>
      byAddress.get(addressOf(roomId, { senderId, clientMsgId })) ?? [],
    headOf: (roomId) => heads.get(roomId),
    size,
    violations,
  }
}
