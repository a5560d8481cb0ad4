import { LogConsumer, type LogConsumerOptions } from '@roomlog/event-log'
import { broadcastGroup } from '@roomlog/events'
import type { Broadcast } from './broadcast.ts'

export interface ConsumerOptions extends Pick<LogConsumerOptions, 'openLog' | 'onFatal' | 'logger'> {
  readonly edgeId: string
  readonly broadcast: Pick<Broadcast, 'handle'>
}

const BATCH_MAX_RECORDS = 500
const COMMIT_INTERVAL_MS = 1000

/** Reads all persisted messages, in a group of this edge's own. */
export function createConsumer({ edgeId, broadcast, ...options }: ConsumerOptions): LogConsumer {
  return new LogConsumer({
    ...options,
    subscriptionTo: () => ({
      topic: 'persisted',
      group: broadcastGroup(edgeId),
      from: 'end',
      maxRecords: BATCH_MAX_RECORDS,
      commitIntervalMs: COMMIT_INTERVAL_MS,
      onBatch: async (batch) => {
        broadcast.handle(batch)
        return undefined
      },
    }),
  })
}

/** Why the edge may not hear all that is stored; undefined while it does. */
export function notHearing(consumer: LogConsumer): string | undefined {
  const reason = consumer.notReady()
  if (reason !== undefined) return reason
  if (!consumer.isCaughtUp) return 'catching up'
  const isWhole = consumer.health()?.assigned === consumer.eventLog?.partitions
  return isWhole ? undefined : 'not all partitions are assigned'
}
