import type { LogBatch, LogRecord } from '@roomlog/event-log'
import { decodeRejected, frameOfPersisted, HEADERS } from '@roomlog/events'
import type { Logger } from '@roomlog/service-kit'
import type { EdgeMetrics } from '../metrics.ts'
import type { HeardMessage, Rooms } from '../rooms/rooms.ts'
import type { Connections } from '../sockets/connections.ts'
import { wireFrame } from '../sockets/wire-frame.ts'
import type { EdgeTraces } from '../traces.ts'

export interface BroadcastOptions {
  readonly rooms: Rooms
  readonly connections: Connections
  readonly metrics: EdgeMetrics
  readonly traces?: EdgeTraces | undefined
  readonly log: Logger
}

/** Hands what the log tells to those it is for: stored messages to rooms that have a socket here, rejections to their sender's sockets. */
export class Broadcast {
  readonly #options: BroadcastOptions

  constructor(options: BroadcastOptions) {
    this.#options = options
  }

  /** Never awaits: a database that is slow must not hold up what others hear. */
  handle({ records }: LogBatch): void {
    const persisted = new Map<string, HeardMessage[]>()
    for (const record of records) {
      const to = record.headers[HEADERS.to]
      if (to !== undefined) this.#rejected(to, record)
      // Records of rooms without a socket here are not even looked into.
      else if (record.key !== null && this.#options.rooms.has(record.key)) {
        const heard = this.#persisted(record)
        if (heard === undefined) continue
        const ofRoom = persisted.get(record.key)
        if (ofRoom === undefined) persisted.set(record.key, [heard])
        else ofRoom.push(heard)
      }
    }
    for (const [roomId, heard] of persisted) this.#options.rooms.messages(roomId, heard)
  }

  #persisted({ headers, value }: LogRecord): HeardMessage | undefined {
    const seq = Number(headers[HEADERS.seq])
    // Written by nobody of ours; the sweep sees what it may stand for.
    if (!Number.isSafeInteger(seq) || seq < 1) return undefined
    this.#options.metrics.persisted.inc()
    const row = () => {
      const payload = frameOfPersisted(value)
      if (payload === undefined) return undefined
      return { seq, frame: wireFrame(payload), heard: this.#options.traces?.heard(headers) }
    }
    return { seq, epoch: headers[HEADERS.epoch], row }
  }

  #rejected(senderId: string, { value }: LogRecord): void {
    const sockets = this.#options.connections.ofUser(senderId)
    if (sockets.size === 0) return
    const decoded = decodeRejected(value)
    if (decoded.kind !== 'event') {
      this.#options.log.warn({ senderId, decoded }, 'a rejection could not be read')
      return
    }
    const { roomId, clientMsgId, code } = decoded.event
    this.#options.metrics.rejected.inc()
    for (const socket of sockets) socket.send({ type: 'messageRejected', roomId, clientMsgId, code })
  }
}
