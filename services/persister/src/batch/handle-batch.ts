import type { FailureKind } from '@roomlog/db'
import type { EventLog, SubscribeOptions } from '@roomlog/event-log'
import { crashPoint, type Logger } from '@roomlog/service-kit'
import type { PersisterMetrics } from '../metrics.ts'
import { BatchTrace, type Traces } from './batch-trace.ts'
import { storeAround } from './bisect.ts'
import { countVerdicts } from './count.ts'
import { decodeBatch, type NewerRecord } from './decode.ts'
import { groupStore, type StoreBatch } from './group-store.ts'
import { withHeartbeats } from './heartbeats.ts'
import { type MessageStore, StoreConflict } from './message-store.ts'
import type { PausedPartitions } from './paused-partitions.ts'
import { publish } from './publish.ts'
import { type Pause, retried } from './retry.ts'
import type { Candidate, Verdict } from './verdict.ts'

/** An outage of minutes fails many attempts; one line in this many says enough. */
const ATTEMPTS_PER_LOG_LINE = 10
/** A race is over by then. What stays lies in one room: its partition is left to rest, so that the others are not held up. */
const CONFLICTS_AT_MOST = 5

export interface BatchDependencies {
  readonly store: MessageStore
  readonly eventLog: EventLog
  readonly log: Logger
  readonly metrics: PersisterMetrics
  readonly paused: PausedPartitions
  readonly traces?: Traces | undefined
  /** Between attempts to store; default: real time passes. */
  readonly pause?: Pause
  /** A ULID of now; default: by this process's clock. */
  readonly freshId?: () => string
}

/** The way of a batch: decode → store → publish. Returns how many records from its beginning are done. */
export function createBatchHandler(deps: BatchDependencies): SubscribeOptions['onBatch'] {
  const store = groupStore(deps.store, deps.freshId)
  return (batch, context) =>
    withHeartbeats(context, async (signal) => {
      const { candidates, dead, newer } = decodeBatch(batch.records)
      notePause(deps, batch.partition, newer)
      const trace = deps.traces && new BatchTrace(deps.traces, batch.partition, dead, candidates)
      const judged = await storeAll(deps, store, batch.partition, candidates, signal)
      trace?.stored()
      const verdicts = [...dead, ...judged]
      logDead(deps.log, batch.partition, verdicts)
      crashPoint('before_publish')
      await publish(deps.eventLog, batch.partition, verdicts, signal, trace)
      trace?.end(verdicts)
      deps.metrics.batchRecords.observe(verdicts.length)
      countVerdicts(deps.metrics, verdicts)
      crashPoint('after_publish_before_offset_commit')
      return newer?.index ?? batch.records.length
    })
}

function storeAll(
  deps: BatchDependencies,
  store: StoreBatch,
  partition: number,
  candidates: readonly Candidate[],
  signal: AbortSignal,
): Promise<readonly Verdict[]> {
  const onFailure = (error: unknown, kind: FailureKind, attempt: number) =>
    noteFailure(deps, partition, error, kind, attempt)
  const isGivenUp = (error: unknown, attempt: number) =>
    error instanceof StoreConflict && attempt >= CONFLICTS_AT_MOST
  return storeAround((part) => {
    const work = () => store(partition, part)
    return retried(work, { signal, onFailure, isGivenUp }, deps.pause)
  }, candidates)
}

function noteFailure(
  { log, metrics }: BatchDependencies,
  partition: number,
  error: unknown,
  kind: FailureKind,
  attempt: number,
): void {
  const isConflict = error instanceof StoreConflict
  metrics.storeRetries.inc({ kind: isConflict ? 'conflict' : kind })
  if (attempt % ATTEMPTS_PER_LOG_LINE !== 1) return
  const level = isConflict || kind === 'schema' ? 'error' : 'warn'
  log[level]({ err: error, partition, attempt }, 'batch not stored; repeating it until it is')
}

function notePause({ log, paused }: BatchDependencies, partition: number, newer: NewerRecord | undefined) {
  if (!paused.note(partition, newer) || newer === undefined) return
  const { offset, version } = newer
  log.error(
    { partition, offset: String(offset), version },
    'partition paused: its next record is of a newer version; deploy a build that knows it',
  )
}

function logDead(log: Logger, partition: number, verdicts: readonly Verdict[]): void {
  for (const verdict of verdicts) {
    if (verdict.kind !== 'dead') continue
    const { reason, detail, record, address } = verdict
    log.error(
      {
        partition,
        offset: String(record.offset),
        reason,
        detail,
        roomId: address?.roomId,
        senderId: address?.senderId,
      },
      'record dead-lettered',
    )
  }
}
