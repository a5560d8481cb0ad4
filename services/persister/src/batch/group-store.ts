import { failureKind } from '@roomlog/db'
import { type MessageStore, StoreConflict } from './message-store.ts'
import { type Batch, storeBatches } from './store.ts'
import type { Candidate, Verdict } from './verdict.ts'

/** Transactions of one process at a time: while one waits for the disk the next gathers. */
const CONCURRENT_TRANSACTIONS = 2
/** The knee: larger transactions store no more rows a second. */
const MAX_RECORDS = 500

/** As `storeBatches`, for one. */
export type StoreBatch = (partition: number, candidates: readonly Candidate[]) => Promise<readonly Verdict[]>

interface Job extends Batch {
  readonly resolve: (verdicts: readonly Verdict[]) => void
  readonly reject: (error: unknown) => void
}

/**
 * Stores batches of several partitions in one transaction where they wait at the same time: a transaction costs as much
 * as dozens of rows. What fails for one batch's sake is tried again by each on its own, so that none stands for another.
 */
export function groupStore(store: MessageStore, freshId?: () => string): StoreBatch {
  const waiting: Job[] = []
  let running = 0

  const pump = async () => {
    if (running === CONCURRENT_TRANSACTIONS || waiting.length === 0) return
    const jobs = waiting.splice(0, countOfGroup(waiting))
    running += 1
    await storeJobs(store, jobs, freshId)
    running -= 1
    void pump()
  }
  return (partition, candidates) => {
    const { promise, resolve, reject } = Promise.withResolvers<readonly Verdict[]>()
    waiting.push({ partition, candidates, resolve, reject })
    // Partitions that one fetch brought go together.
    setImmediate(() => void pump())
    return promise
  }
}

/** At least one. */
function countOfGroup(jobs: readonly Job[]): number {
  let records = 0
  const tooMany = jobs.findIndex(({ candidates }) => {
    records += candidates.length
    return records > MAX_RECORDS
  })
  return tooMany < 0 ? jobs.length : Math.max(1, tooMany)
}

async function storeJobs(store: MessageStore, jobs: readonly Job[], freshId?: () => string): Promise<void> {
  try {
    const verdicts = await storeBatches(store, jobs, freshId)
    for (const [index, { resolve }] of jobs.entries()) resolve(verdicts[index] ?? [])
  } catch (error) {
    if (jobs.length > 1 && isOfOneBatch(error)) {
      await Promise.all(jobs.map((job) => storeJobs(store, [job], freshId)))
      return
    }
    for (const { reject } of jobs) reject(error)
  }
}

/** Not the database's own trouble, which each would meet again. */
function isOfOneBatch(error: unknown): boolean {
  return error instanceof StoreConflict || failureKind(error) !== 'transient'
}
