import type { Logger } from 'pino'
import type { BatchContext, LogBatch, SubscribeOptions } from './port.ts'

const PAUSE_FIRST_MS = 100
const PAUSE_MAX_MS = 5000

/** How long a partition rests before what was not done is delivered again, after so many failures in a row (from 1). */
export function redeliveryPauseMs(failures: number): number {
  return Math.min(PAUSE_FIRST_MS * 2 ** (failures - 1), PAUSE_MAX_MS)
}

/** Runs the handler on one batch. Resolves with how many records from its beginning are done; never rejects. */
export async function deliver(
  { topic, group, onBatch }: SubscribeOptions,
  batch: LogBatch,
  context: BatchContext,
  logger: Logger,
): Promise<number> {
  const all = batch.records.length
  try {
    const done = (await onBatch(batch, context)) ?? all
    return Math.max(0, Math.min(Math.trunc(done), all))
  } catch (err) {
    const offset = String(batch.records[0]?.offset)
    // A handler that breaks off because it was told to is no failure.
    const level = context.signal.aborted ? 'debug' : 'warn'
    logger[level](
      { err, topic, group, partition: batch.partition, offset },
      'a batch failed and is delivered again',
    )
    return 0
  }
}
