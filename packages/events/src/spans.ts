import { namespaced, TOPICS, type Topic } from './topics.ts'

/** What spans say: names of OpenTelemetry's conventions for messaging and databases, and Roomlog's own. Never a body. */
export const SPAN_ATTRIBUTES = {
  system: 'messaging.system',
  operationType: 'messaging.operation.type',
  operationName: 'messaging.operation.name',
  destination: 'messaging.destination.name',
  partition: 'messaging.destination.partition.id',
  group: 'messaging.consumer.group.name',
  offset: 'messaging.kafka.offset',
  batchSize: 'messaging.batch.message_count',
  dbSystem: 'db.system.name',
  dbOperation: 'db.operation.name',
  dbCollection: 'db.collection.name',
  dbBatchSize: 'db.operation.batch.size',
  roomId: 'roomlog.room.id',
  clientMsgId: 'roomlog.client_msg_id',
  seq: 'roomlog.seq',
  /** Of a send: `accepted`, or the code of its refusal. */
  result: 'roomlog.result',
  /** What became of a record. */
  verdict: 'roomlog.verdict',
  /** How many a message was written to. */
  sockets: 'roomlog.sockets',
} as const

/** Where the log is. */
export interface TracedLog {
  readonly engine: 'embedded' | 'full'
  readonly namespace: string
}

/** The name and attributes of a step that a record of a topic takes. */
export function logSpan(
  { engine, namespace }: TracedLog,
  topic: Topic,
  operation: 'send' | 'process' | 'deliver',
) {
  const destination = namespaced(namespace, TOPICS[topic].name)
  return {
    name: `${operation} ${destination}`,
    attributes: {
      [SPAN_ATTRIBUTES.system]: engine === 'full' ? 'kafka' : 'roomlog',
      [SPAN_ATTRIBUTES.operationType]: operation === 'send' ? 'send' : 'process',
      [SPAN_ATTRIBUTES.operationName]: operation,
      [SPAN_ATTRIBUTES.destination]: destination,
    },
  }
}
