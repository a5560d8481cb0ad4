import { connect, type Database } from '@roomlog/db'
import type { LogRecord } from '@roomlog/event-log'
import { encodePersisted, frameOfPersisted } from '@roomlog/events'
import { DEFAULT_LIMITS, type Message, newId } from '@roomlog/protocol'
import { createLogger, createMetrics } from '@roomlog/service-kit'
import { Broadcast } from '@roomlog/ws-edge/broadcast'
import { Connection } from '@roomlog/ws-edge/connection'
import { Connections } from '@roomlog/ws-edge/connections'
import { createEdgeMetrics } from '@roomlog/ws-edge/metrics'
import { Rooms } from '@roomlog/ws-edge/rooms'
import { wireFrame } from '@roomlog/ws-edge/wire-frame'
import type { Crowd } from './crowd.ts'

const EPOCH = 'bench'
const BODY = 'Shall we meet at the station at half past six, or is that too early for you? '
const HOUR_MS = 3_600_000

/** What an edge is told of one message, and what each of its readers gets of it. */
export interface Told {
  readonly message: Message
  readonly record: LogRecord
  /** What it is as text, and as bytes of a socket. */
  readonly text: string
  readonly frame: Buffer
}

/** Messages of one room, from its first. */
export class Writer {
  readonly roomId = newId()
  #seq = 0

  next(count: number): readonly Told[] {
    return Array.from({ length: count }, () => {
      this.#seq += 1
      const [id, senderId, clientMsgId] = [newId(), newId(), newId()]
      const createdAt = new Date().toISOString()
      const { roomId } = this
      const message = {
        id,
        roomId,
        seq: this.#seq,
        kind: 'message',
        senderId,
        clientMsgId,
        body: BODY,
        createdAt,
      } as const
      const record = { ...encodePersisted(message, EPOCH), offset: 0n }
      const payload = frameOfPersisted(record.value) ?? Buffer.alloc(0)
      return { message, record, text: String(payload), frame: wireFrame(payload) }
    })
  }
}

/**
 * The product's way of stored messages, from a batch of the log to the sockets of a crowd. It has no database: a room is
 * looked at when it is first joined and never again, so all that is told in it must be told within the 5 s for which a look
 * is believed.
 */
export class BenchEdge implements AsyncDisposable {
  readonly connections: readonly Connection[]
  readonly #crowd: Crowd
  readonly #rooms: Rooms
  readonly #all = new Connections(1)
  readonly #nowhere: Database = connect({ url: 'postgres://127.0.0.1:1', applicationName: 'roomlog-bench' })
  readonly #broadcast: Broadcast

  constructor(crowd: Crowd) {
    const log = createLogger({ name: 'bench', level: 'silent' })
    const sizes = { connections: () => 0, rooms: () => 0, pendingAppends: () => 0 }
    const metrics = createEdgeMetrics(createMetrics(), sizes)
    const [onWatch, onUnwatch] = [() => undefined, () => undefined]
    this.#crowd = crowd
    this.connections = crowd.sockets.map(({ ws, tcp }, index) => {
      const identity = { userId: `user ${index}`, sessionId: newId(), expiresAtMs: Date.now() + HOUR_MS }
      const by = { reqId: newId(), ip: '127.0.0.1', userId: identity.userId }
      return new Connection(ws, tcp, { id: newId(), by, identity, framesPerSecond: 100 })
    })
    const reader = { read: async () => emptyRoom(crowd.sockets.length) }
    this.#rooms = new Rooms({
      db: this.#nowhere.db,
      reader,
      limits: DEFAULT_LIMITS,
      metrics,
      log,
      onWatch,
      onUnwatch,
    })
    this.#broadcast = new Broadcast({ rooms: this.#rooms, connections: this.#all, metrics, log })
  }

  /** Runs `work` with new rooms that these have joined. */
  async inRooms<T>(
    membersOf: readonly (readonly Connection[])[],
    work: (writers: readonly Writer[]) => Promise<T>,
  ): Promise<T> {
    const writers = membersOf.map((members) => {
      const writer = new Writer()
      for (const member of members) this.#rooms.join(member, writer.roomId, undefined, undefined)
      return writer
    })
    await this.#crowd.readers.settle()
    try {
      return await work(writers)
    } finally {
      for (const connection of this.connections) this.#rooms.leaveAll(connection)
    }
  }

  /** As one batch of the log tells it. */
  hear(told: readonly Told[]): void {
    this.#broadcast.handle({ partition: 0, records: told.map(({ record }) => record) })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#all.stop()
    await this.#nowhere.close()
  }
}

function emptyRoom(memberCount: number) {
  const room = { exists: true, isPrivate: false, isMember: true, memberVersion: 1, head: 0 }
  return { ...room, memberCount, epoch: EPOCH, rows: [], hasMore: false }
}
