export { connectEventLog, type EventLogSettings } from './connect.ts'
export { connectLogReader, type LogReaderSettings } from './connect-reader.ts'
export { LogConsumer, type LogConsumerOptions } from './consumer.ts'
export { EventLogError, type EventLogErrorCode } from './errors.ts'
export type { KafkaSettings } from './kafka.ts'
export { MemoryLog, type MemoryLogSettings } from './memory.ts'
export {
  AppendError,
  type BatchContext,
  type EventLog,
  type LogBatch,
  type LogRecord,
  type SubscribeOptions,
  type Subscription,
  type SubscriptionHealth,
} from './port.ts'
export type { LogReader, OffsetRange, Positions, Ranges, ReadOptions, TimedRecord } from './reader.ts'
export { createTopics, type TopicSettings } from './topics.ts'
