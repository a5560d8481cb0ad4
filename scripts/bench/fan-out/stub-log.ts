import type { EventLog, SubscribeOptions } from '@roomlog/event-log'

const PARTITIONS = 1

/** A log that costs nothing: takes every record at once and keeps none; what is heard of it, who subscribes is told by others. */
export function stubLog(onSubscribe: (options: SubscribeOptions) => void): EventLog {
  const health = () => ({ assigned: PARTITIONS, connected: true, lag: 0, oldestMs: 0 })
  const nothing = async () => undefined
  return {
    partitions: PARTITIONS,
    pending: 0,
    append: nothing,
    appendAll: nothing,
    ping: nothing,
    close: nothing,
    subscribe: async (options) => {
      onSubscribe(options)
      return { caughtUp: Promise.resolve(), health, stop: nothing }
    },
  }
}
