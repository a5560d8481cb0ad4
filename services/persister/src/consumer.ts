import {
  type EventLog,
  LogConsumer,
  type LogConsumerOptions,
  type SubscribeOptions,
} from '@roomlog/event-log'
import { PERSISTER_GROUP } from '@roomlog/events'

/** The knee: larger batches store no more rows a second. */
const BATCH_MAX_RECORDS = 500

export interface ConsumerOptions extends Pick<LogConsumerOptions, 'openLog' | 'onFatal' | 'logger'> {
  readonly handlerFor: (eventLog: EventLog) => SubscribeOptions['onBatch']
}

/** Reads what edges accepted, from the first record on, as one of the group that all persisters share. */
export function createConsumer({ handlerFor, ...options }: ConsumerOptions): LogConsumer {
  return new LogConsumer({
    ...options,
    subscriptionTo: (eventLog) => ({
      topic: 'created',
      group: PERSISTER_GROUP,
      from: 'beginning',
      maxRecords: BATCH_MAX_RECORDS,
      commitIntervalMs: 0,
      onBatch: handlerFor(eventLog),
    }),
  })
}
