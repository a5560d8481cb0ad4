export {
  createdAtOfFrame,
  type Decoded,
  decodeCreated,
  decodeRejected,
  type EncodedRecord,
  encodeCreated,
  encodeNewMessageFrame,
  encodePersisted,
  encodeRejected,
  frameOfPersisted,
  HEADERS,
  traced,
} from './codec.ts'
export {
  addressOf,
  encodeDeadLetter,
  type MessageAddress,
  type Origin,
  type RawRecord,
} from './dead-letter.ts'
export { partitionOf } from './partition.ts'
export {
  EVENT_VERSION,
  type MessageCreated,
  type MessageRejected,
  messageCreatedSchema,
  messagePersistedSchema,
  messageRejectedSchema,
  REJECTION_CODES,
  type RejectionCode,
} from './schemas.ts'
export { logSpan, SPAN_ATTRIBUTES, type TracedLog } from './spans.ts'
export {
  auditGroup,
  broadcastGroup,
  namespaced,
  PARTITIONS_DEFAULT,
  PERSISTER_GROUP,
  REPLAY_GROUP,
  TOPICS,
  type Topic,
} from './topics.ts'
