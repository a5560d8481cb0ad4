export { connectEventLog, type EventLogSettings } from './connect.ts'
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
export { createTopics, type TopicSettings } from './topics.ts'
