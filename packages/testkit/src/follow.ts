import type { EventLog, LogRecord } from '@roomlog/event-log'
import type { Topic } from '@roomlog/events'
import { expect } from 'vitest'

/** What stands in a topic, or what comes from now on: all of it is there when this resolves, and more as it comes. */
export async function follow(
  eventLog: EventLog,
  topic: Topic,
  from: 'beginning' | 'end' = 'beginning',
): Promise<readonly LogRecord[]> {
  const found: LogRecord[] = []
  const subscription = await eventLog.subscribe({
    topic,
    group: `test-${crypto.randomUUID()}`,
    from,
    maxRecords: 500,
    commitIntervalMs: 1000,
    onBatch: async ({ records }) => {
      found.push(...records)
      return undefined
    },
    onFatal: (error) => expect.fail(error.message),
  })
  await subscription.caughtUp
  return found
}
