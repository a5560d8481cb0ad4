import type { EventLog } from '@roomlog/event-log'

const PARTITIONS = 1

/** A log that costs nothing: takes every record at once, keeps none and tells of none. */
export function stubLog(): EventLog {
  const health = () => ({ assigned: PARTITIONS, connected: true, lag: 0, oldestMs: 0 })
  const nothing = async () => undefined
  return {
    partitions: PARTITIONS,
    pending: 0,
    append: nothing,
    appendAll: nothing,
    ping: nothing,
    close: nothing,
    subscribe: async () => ({ caughtUp: Promise.resolve(), health, stop: nothing }),
  }
}
