import type { EventLog, LogBatch, LogRecord, Subscription, SubscriptionHealth } from '@roomlog/event-log'
import { broadcastGroup, decodeRejected, frameOfPersisted, HEADERS } from '@roomlog/events'
import type { Logger } from '@roomlog/service-kit'
import type { EdgeMetrics } from '../metrics.ts'
import type { HeardMessage, Rooms } from '../rooms/rooms.ts'
import type { Connections } from '../sockets/connections.ts'
import { wireFrame } from '../sockets/wire-frame.ts'
import type { EdgeTraces } from '../traces.ts'

export interface BroadcastOptions {
  readonly edgeId: string
  /** Waits for a log that is away, until the signal aborts; rejects when waiting does not help. */
  readonly openLog: (signal: AbortSignal) => Promise<EventLog>
  readonly rooms: Rooms
  readonly connections: Connections
  /** Nothing will be heard any more. */
  readonly onFatal: (error: Error) => void
  readonly metrics: EdgeMetrics
  readonly traces?: EdgeTraces | undefined
  readonly log: Logger
}

const BATCH_MAX_RECORDS = 500
const COMMIT_INTERVAL_MS = 1000

/** The edge's log: all persisted messages, in a group of this edge's own, handed to the rooms that have a socket here. */
export class Broadcast {
  readonly #options: BroadcastOptions
  readonly #stopping = new AbortController()
  #eventLog: EventLog | undefined
  #subscription: Subscription | undefined
  #starting: Promise<void> | undefined
  #isCaughtUp = false

  constructor(options: BroadcastOptions) {
    this.#options = options
  }

  /** Begins in the background: the process answers health checks while its log is away. */
  start(): void {
    this.#starting ??= this.#start()
  }

  /** Undefined until it was reached. */
  get eventLog(): EventLog | undefined {
    return this.#eventLog
  }

  /** Whether all that stood in the log at the start was heard; from then on true. */
  get isCaughtUp(): boolean {
    return this.#isCaughtUp
  }

  /** Undefined until it is subscribed. */
  health(): SubscriptionHealth | undefined {
    return this.#subscription?.health()
  }

  /** Why nothing may be heard; undefined while all is. */
  notReady(): string | undefined {
    if (this.#subscription === undefined) return 'not subscribed'
    if (!this.#isCaughtUp) return 'catching up'
    const { assigned, connected } = this.#subscription.health()
    if (!connected) return 'not connected to the log'
    return assigned === this.#eventLog?.partitions ? undefined : 'not all partitions are assigned'
  }

  async ping(): Promise<void> {
    if (this.#eventLog === undefined) throw new Error('the log has not been reached yet')
    await this.#eventLog.ping()
  }

  /** Leaves the group, flushes and closes the log. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    // Also ends a subscribing that waits for its log.
    await this.#eventLog?.close()
    await this.#starting
  }

  async #start(): Promise<void> {
    const { openLog, edgeId, log } = this.#options
    const { signal } = this.#stopping
    try {
      const eventLog = await openLog(signal)
      if (signal.aborted) return await eventLog.close()
      this.#eventLog = eventLog
      const group = broadcastGroup(edgeId)
      this.#subscription = await eventLog.subscribe({
        topic: 'persisted',
        group,
        from: 'end',
        maxRecords: BATCH_MAX_RECORDS,
        commitIntervalMs: COMMIT_INTERVAL_MS,
        onBatch: async (batch) => this.#handle(batch),
        onFatal: (error) => this.#fail(error),
      })
      log.info({ group }, 'subscribed')
      // Not awaited: it never comes where the process is stopped before.
      void this.#subscription.caughtUp.then(() => {
        this.#isCaughtUp = true
        log.info({ group }, 'caught up')
      })
    } catch (error) {
      if (!signal.aborted) this.#fail(error)
    }
  }

  /** Never awaits: a database that is slow must not hold up what others hear. */
  #handle({ records }: LogBatch): undefined {
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

  #fail(error: unknown): void {
    this.#options.onFatal(new Error('nothing is heard of the log any more', { cause: error }))
  }
}
