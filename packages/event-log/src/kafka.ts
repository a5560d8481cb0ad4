import {
  type Admin,
  type Consumer,
  type EachBatchPayload,
  Kafka,
  type KafkaConfig,
  type KafkaMessage,
  type LogEntry,
  logLevel,
  Partitioners,
  type Producer,
} from 'kafkajs'
import type { Logger } from 'pino'
import { demandVersions } from './kafka/broker-versions.ts'
import { renewSockets } from './kafka/connections.ts'
import { followCoordinators, keepLooking } from './kafka/coordinator.ts'
import { endFetchLoops } from './kafka/fetch-loops.ts'
import { keepMemberIds } from './kafka/member-ids.ts'
import { patchOnce } from './kafka/patch.ts'
import { joinAgain } from './kafka/rejoin.ts'

export type { Admin, Consumer, EachBatchPayload, KafkaMessage, Producer }

export interface KafkaSettings {
  /** `host:port` of some brokers. */
  readonly brokers: readonly string[]
  readonly ssl?: KafkaConfig['ssl'] | undefined
  readonly sasl?: KafkaConfig['sasl'] | undefined
}

export interface KafkaClients {
  readonly producer: Producer
  readonly admin: Admin
  consumer(groupId: string, sessionTimeoutMs: number): Consumer
}

const ENDLESS_RETRIES = 1_000_000
/** The broker's own bound on a produce request: below the client's, so that the answer can still arrive. */
export const PRODUCE_TIMEOUT_MS = 4000

/**
 * Clients set up so that nothing that was acknowledged is lost. Measured: kafkajs's idempotent producer and its retries
 * both lose acknowledged records, hence neither is on; without the short age of metadata a frozen leader blocks a
 * producer for as long as it is frozen, and consumers ask a dead one until it is back; consumers give up for good unless
 * their own retries are endless.
 */
export function kafkaClients(clientId: string, settings: KafkaSettings, logger: Logger): KafkaClients {
  calmRequestQueues()
  keepMemberIds()
  joinAgain()
  followCoordinators()
  keepLooking()
  endFetchLoops()
  demandVersions()
  renewSockets()
  const { brokers, ssl, sasl } = settings
  const client = (level: logLevel) =>
    new Kafka({
      clientId,
      brokers: [...brokers],
      connectionTimeout: 1000,
      requestTimeout: 5000,
      retry: { initialRetryTime: 100, maxRetryTime: 1000, retries: 5 },
      logLevel: level,
      logCreator: () => (entry) => forward(logger, entry),
      ...(ssl === undefined ? {} : { ssl }),
      // A copy: kafkajs keeps its authenticator in it, and settings are frozen.
      ...(sasl === undefined ? {} : { sasl: { ...sasl } }),
    })
  // Whoever uses producer and admin is told of each failure and logs it once.
  const quiet = client(logLevel.NOTHING)
  const telling = client(logLevel.WARN)
  return {
    producer: quiet.producer({
      idempotent: false,
      allowAutoTopicCreation: false,
      metadataMaxAge: 5000,
      retry: { retries: 0 },
      createPartitioner: Partitioners.DefaultPartitioner,
    }),
    admin: quiet.admin({ retry: { retries: 1 } }),
    consumer: (groupId, sessionTimeout) =>
      telling.consumer({
        groupId,
        sessionTimeout,
        // A joining whose answer was lost is asked again 5 s after it, and not after kafkajs's minute.
        rebalanceTimeout: sessionTimeout,
        heartbeatInterval: 1000,
        minBytes: 1,
        maxWaitTimeInMs: 250,
        allowAutoTopicCreation: false,
        metadataMaxAge: 3000,
        retry: { initialRetryTime: 100, maxRetryTime: 1000, retries: ENDLESS_RETRIES },
      }),
  }
}

function forward(logger: Logger, { level, namespace, log }: LogEntry): void {
  const { message, error, groupId } = log
  const reason = error === undefined ? '' : `: ${String(error)}`
  // kafkajs says ERROR for what it then cures, as each rebalance; what it does not cure ends in `onFatal`.
  logger[level === logLevel.ERROR ? 'warn' : 'info']({ groupId, namespace }, `${message}${reason}`)
}

/** The broker's name of an error (`UNKNOWN_TOPIC_OR_PARTITION`…), looked for down the causes; undefined for others. */
export function protocolErrorType(error: unknown): string | undefined {
  for (let at = error; at instanceof Error; at = at.cause) {
    if ('type' in at && typeof at.type === 'string') return at.type
    if ('errors' in at && Array.isArray(at.errors) && at.errors.length > 0)
      return protocolErrorType(at.errors[0])
  }
  return undefined
}

/** Answered by rejoining the group: kafkajs must see these as they are. */
const GROUP_ERRORS = new Set([
  'REBALANCE_IN_PROGRESS',
  'NOT_COORDINATOR_FOR_GROUP',
  'ILLEGAL_GENERATION',
  'UNKNOWN_MEMBER_ID',
])

/**
 * What `eachBatch` may throw instead of `error`. kafkajs stops a consumer for good on errors it takes for final, so all
 * but those that make it rejoin are wrapped in a plain one, which it retries.
 */
export function survivable(error: unknown): Error {
  if (error instanceof Error && 'type' in error && GROUP_ERRORS.has(String(error.type))) return error
  return new Error(error instanceof Error ? error.message : String(error), { cause: error })
}

interface RequestQueue {
  readonly pending: readonly unknown[]
  scheduleCheckPendingRequests(): void
}

/** An idle connection of kafkajs checks its empty queue each millisecond: 4 % of a core, and warnings on newer Nodes. */
const calmRequestQueues = patchOnce<RequestQueue>('network/requestQueue', (prototype) => {
  const schedule = prototype.scheduleCheckPendingRequests
  prototype.scheduleCheckPendingRequests = function scheduleIfPending() {
    if (this.pending.length > 0) schedule.call(this)
  }
})
