import type { Entry } from '../history.ts'
import type { Operation } from './operations.ts'
import type { Sighting } from './sightings.ts'
import { addressOf } from './violation.ts'

/** Milliseconds. */
export interface Times {
  readonly n: number
  readonly p50: number
  readonly p99: number
  readonly max: number
}

interface Stream {
  /** Undefined after the room was left. */
  joinedAt: number | undefined
  /** What comes again after another join has come before. */
  last: number
}

interface Delivery {
  readonly acceptedAt: number
  lastAt: number | undefined
}

/**
 * From a message's ACK until the last client has it, of those who were in the room when the ACK came and stayed there: how
 * long somebody was away is no time of delivery.
 */
export function deliveries(
  history: readonly Entry[],
  sightings: readonly Sighting[],
  operations: readonly Operation[],
): Times {
  const messages = byPlace(sightings, operations)
  /** By connection, then by room. */
  const streams = new Map<string, Map<string, Stream>>()
  for (const entry of history) {
    switch (entry.type) {
      case 'connected':
        streams.set(entry.connection, new Map())
        break
      case 'joined': {
        const rooms = streams.get(entry.connection)
        rooms?.set(entry.roomId, { joinedAt: entry.t, last: rooms.get(entry.roomId)?.last ?? 0 })
        break
      }
      case 'leave':
      case 'left':
      case 'removed': {
        const stream = streams.get(entry.connection)?.get(entry.roomId)
        if (stream !== undefined) stream.joinedAt = undefined
        break
      }
      case 'live': {
        const stream = streams.get(entry.connection)?.get(entry.roomId)
        const message = messages.get(entry.roomId)?.get(entry.seq)
        if (stream === undefined || entry.seq <= stream.last) break
        stream.last = entry.seq
        const hasStayed =
          message !== undefined && (stream.joinedAt ?? Number.POSITIVE_INFINITY) <= message.acceptedAt
        if (hasStayed) message.lastAt = entry.t
        break
      }
    }
  }
  const all = [...messages.values()].flatMap((rows) => [...rows.values()])
  const times = all.flatMap(({ acceptedAt, lastAt }) =>
    lastAt === undefined ? [] : [Math.max(0, lastAt - acceptedAt)],
  )
  const sorted = times.toSorted((a, b) => a - b)
  const rank = (p: number) => sorted[Math.max(0, Math.ceil(p * sorted.length) - 1)] ?? 0
  return { n: sorted.length, p50: rank(0.5), p99: rank(0.99), max: sorted.at(-1) ?? 0 }
}

/** By room, then by seq. */
function byPlace(
  sightings: readonly Sighting[],
  operations: readonly Operation[],
): ReadonlyMap<string, ReadonlyMap<number, Delivery>> {
  const acceptedAt = new Map<string, number | undefined>()
  for (const operation of operations) {
    const { roomId, userId, clientMsgId, body } = operation
    acceptedAt.set(`${addressOf(roomId, { senderId: userId, clientMsgId })} ${body}`, operation.acceptedAt)
  }
  const rooms = new Map<string, Map<number, Delivery>>()
  for (const { seen, entry } of sightings) {
    const at = acceptedAt.get(`${addressOf(entry.roomId, seen)} ${seen.body}`)
    if (at === undefined) continue
    const rows = rooms.get(entry.roomId) ?? new Map<number, Delivery>()
    rooms.set(entry.roomId, rows)
    rows.set(seen.seq, { acceptedAt: at, lastAt: undefined })
  }
  return rooms
}
