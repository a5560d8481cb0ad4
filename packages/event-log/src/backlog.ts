import type { SubscriptionHealth } from './port.ts'

/** What a member knows of one of its partitions. */
export interface PartitionProgress {
  /** The next record to handle. */
  readonly position: bigint
  /** Where the partition ended when it was last looked at. */
  readonly end: bigint
  /** When the log took the first record that is fetched and not done; undefined: none is. */
  readonly waitsSince: Date | undefined
}

/** What waits in these partitions altogether. */
export function backlogOf(
  partitions: readonly PartitionProgress[],
  nowMs: number = Date.now(),
): Pick<SubscriptionHealth, 'lag' | 'oldestMs'> {
  let [lag, oldestMs] = [0, 0]
  for (const { position, end, waitsSince } of partitions) {
    // A look is older than what was handled since.
    if (end > position) lag += Number(end - position)
    if (waitsSince !== undefined) oldestMs = Math.max(oldestMs, nowMs - waitsSince.getTime())
  }
  return { lag, oldestMs }
}
