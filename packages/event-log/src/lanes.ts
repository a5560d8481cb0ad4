import { type EncodedRecord, partitionOf, type Topic } from '@roomlog/events'
import type { Logger } from 'pino'
import { AppendError } from './port.ts'

export const BATCH_MAX_RECORDS = 500
export const BATCH_MAX_BYTES = 512 * 1024
export const APPEND_TIMEOUT_MS = 5000
export const PENDING_MAX = 2000
const RESEND_AFTER_MS = 50
/** Attempts between two lines about one batch: one each five seconds or so while the log is away. */
const ATTEMPTS_PER_LOG_LINE = 100
/** What a record costs in a request beside its key, value and headers, rounded up. */
const RECORD_OVERHEAD_BYTES = 64

export interface Lane {
  readonly topic: Topic
  readonly partition: number
}

/** The one that a record goes through. */
export function laneOf(topic: Topic, { key }: EncodedRecord, partitions: number): Lane {
  return { topic, partition: partitionOf(key, partitions) }
}

export interface LanesOptions {
  /** Resolves only once the log holds every one of these records, durably; whatever else happened is a rejection. */
  readonly send: (lane: Lane, records: readonly EncodedRecord[]) => Promise<void>
  /** Told of each failed attempt (from 1) of a batch; the batch is sent again. */
  readonly onSendError: (lane: Lane, error: unknown, attempt: number) => void
  /** Records of `append` that may wait or be under way at once; default 2000. */
  readonly pendingLimit?: number | undefined
}

interface Entry {
  readonly record: EncodedRecord
  readonly bytes: number
  /** The record's fate is known: its place is free. */
  readonly leave: (error?: Error) => void
}

interface LaneState extends Lane {
  /** In the order of the calls; a set, because a time-out takes one from the middle. */
  readonly queue: Set<Entry>
  inFlight: readonly Entry[]
  running: Promise<void> | undefined
}

/**
 * Micro-batches, one lane for each partition of each topic: a lane has one batch under way, and what arrives meanwhile
 * is its next. A batch whose answer is missing or bad is sent again, the same one, before anything later of its lane: to
 * drop it would lose what may be written, to overtake it would turn the order round. Lanes do not wait for each other.
 */
export class Lanes {
  readonly #options: LanesOptions
  readonly #lanes = new Map<string, LaneState>()
  readonly #ended = Promise.withResolvers<void>()
  #pending = 0
  #closing = false
  #over = false

  constructor(options: LanesOptions) {
    this.#options = options
  }

  /** Records of `append` whose place is taken. */
  get pending(): number {
    return this.#pending
  }

  /** Rejects with `AppendError`, as `EventLog.append` says. */
  append(lane: Lane, record: EncodedRecord, timeoutMs = APPEND_TIMEOUT_MS): Promise<void> {
    if (this.#closing) return Promise.reject(closingError())
    if (timeoutMs <= 0) return Promise.reject(lateError())
    if (this.#pending >= (this.#options.pendingLimit ?? PENDING_MAX)) {
      return Promise.reject(new AppendError('not_published', 'too many records wait for the log'))
    }
    this.#pending += 1
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const state = this.#state(lane)
    const entry = entryOf(record, (error) => {
      clearTimeout(timer)
      this.#pending -= 1
      if (error === undefined) resolve()
      else reject(error)
    })
    // In flight it only stops waiting: its place stays taken until the batch has settled.
    const timer = setTimeout(() => {
      if (state.queue.delete(entry)) entry.leave(lateError())
      else reject(new AppendError('unknown', 'the log did not answer in time'))
    }, timeoutMs)
    this.#push(state, entry)
    return promise
  }

  /** Neither bounded nor timed: waits until the log has all, or rejects with the reason of `signal`. */
  async appendAll(
    records: readonly { readonly lane: Lane; readonly record: EncodedRecord }[],
    signal: AbortSignal,
  ): Promise<void> {
    signal.throwIfAborted()
    if (this.#closing) throw closingError()
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    let left = records.length
    if (left === 0) return
    const entries = records.map(({ lane, record }) => {
      const entry = entryOf(record, (error) => {
        left -= 1
        if (error !== undefined) reject(error)
        else if (left === 0) resolve()
      })
      const state = this.#state(lane)
      this.#push(state, entry)
      return { state, entry }
    })
    const abort = () => {
      for (const { state, entry } of entries) state.queue.delete(entry)
      reject(signal.reason)
    }
    signal.addEventListener('abort', abort, { once: true })
    return promise.finally(() => signal.removeEventListener('abort', abort))
  }

  /** Takes nothing more, waits up to `flushMs` for what is queued, then gives the rest up. */
  async close(flushMs: number): Promise<void> {
    this.#closing = true
    const idle = Promise.all([...this.#lanes.values()].map(({ running }) => running))
    const timer = setTimeout(() => this.#giveUp(), flushMs)
    await Promise.race([idle, this.#ended.promise])
    clearTimeout(timer)
    this.#giveUp()
  }

  #giveUp(): void {
    this.#over = true
    this.#ended.resolve()
    for (const lane of this.#lanes.values()) {
      for (const entry of lane.queue) entry.leave(closingError())
      lane.queue.clear()
      for (const entry of lane.inFlight)
        entry.leave(new AppendError('unknown', 'the log was closed meanwhile'))
      lane.inFlight = []
    }
  }

  #state(lane: Lane): LaneState {
    const id = `${lane.topic}:${lane.partition}`
    const known = this.#lanes.get(id)
    if (known !== undefined) return known
    const made: LaneState = { ...lane, queue: new Set(), inFlight: [], running: undefined }
    this.#lanes.set(id, made)
    return made
  }

  #push(lane: LaneState, entry: Entry): void {
    lane.queue.add(entry)
    lane.running ??= this.#run(lane)
  }

  async #run(lane: LaneState): Promise<void> {
    // What is appended in the same turn of the event loop, whoever's callbacks, goes together.
    await new Promise<void>((resolve) => setImmediate(resolve))
    while (lane.queue.size > 0) {
      const batch = takeBatch(lane.queue)
      lane.inFlight = batch
      await this.#sendUntilAnswered(lane, batch)
      if (this.#over) break
      lane.inFlight = []
      for (const entry of batch) entry.leave()
    }
    lane.running = undefined
  }

  async #sendUntilAnswered(lane: Lane, batch: readonly Entry[]): Promise<void> {
    const records = batch.map(({ record }) => record)
    for (let attempt = 1; !this.#over; attempt += 1) {
      try {
        return await this.#options.send(lane, records)
      } catch (error) {
        this.#options.onSendError(lane, error, attempt)
      }
      const { promise, resolve } = Promise.withResolvers<void>()
      const timer = setTimeout(resolve, RESEND_AFTER_MS)
      await Promise.race([promise, this.#ended.promise])
      clearTimeout(timer)
    }
  }
}

function takeBatch(queue: Set<Entry>): readonly Entry[] {
  const batch: Entry[] = []
  let bytes = 0
  for (const entry of queue) {
    bytes += entry.bytes
    // A record above the limit goes alone.
    if (batch.length > 0 && (batch.length === BATCH_MAX_RECORDS || bytes > BATCH_MAX_BYTES)) break
    queue.delete(entry)
    batch.push(entry)
  }
  return batch
}

function entryOf(record: EncodedRecord, leave: Entry['leave']): Entry {
  let bytes = RECORD_OVERHEAD_BYTES + Buffer.byteLength(record.key) + record.value.length
  for (const [name, value] of Object.entries(record.headers)) {
    bytes += Buffer.byteLength(name) + Buffer.byteLength(value)
  }
  return { record, bytes, leave }
}

function closingError(): AppendError {
  return new AppendError('not_published', 'the log is closing')
}

function lateError(): AppendError {
  return new AppendError('not_published', 'the log did not take it in time')
}

/** An `onSendError` that does not flood the logs. */
export function logSendErrors(logger: Logger): LanesOptions['onSendError'] {
  return ({ topic, partition }, err, attempt) => {
    if (attempt % ATTEMPTS_PER_LOG_LINE !== 1) return
    logger.warn({ err, topic, partition, attempt }, 'a batch was not answered and is sent again')
  }
}
