import type { Database } from '@roomlog/db'
import type { Logger } from 'pino'
import { noServer } from './errors.ts'
import { openKafkaLog } from './kafka/log.ts'
import type { KafkaSettings } from './kafka.ts'
import type { EventLog } from './port.ts'
import { schemaProblem } from './postgres/schema-problem.ts'
import { postgresStore } from './postgres.ts'
import { retryForEver } from './retry.ts'
import { openStoreLog } from './store/log.ts'

export interface EventLogSettings {
  readonly engine: 'embedded' | 'full'
  readonly namespace: string
  readonly partitions: number
  /** Tells this process from others in the servers' own listings. */
  readonly clientId: string
  /** Of engine `full`: how long a group waits for a member that fell silent. On `embedded` always 5 s. */
  readonly sessionTimeoutMs: number
  readonly kafka?: KafkaSettings | undefined
  /** Of engine `embedded`; stays its owner's to close, after the log. */
  readonly database?: Database | undefined
  /** Records of `append` that may wait at once; default 2000. */
  readonly pendingLimit?: number | undefined
  /** Ends the waiting for a server that is away. */
  readonly signal?: AbortSignal | undefined
}

/**
 * Opens the log of the engine. Waits for a server that is away until `signal` aborts. Rejects with an `EventLogError`
 * when the topics are missing or have another number of partitions.
 */
export function connectEventLog(settings: EventLogSettings, logger: Logger): Promise<EventLog> {
  const { engine, kafka, database, namespace, signal } = settings
  if (engine === 'full' && kafka !== undefined) return openKafkaLog({ ...settings, kafka }, logger)
  if (engine === 'embedded' && database !== undefined) {
    const store = postgresStore(database, namespace, logger)
    const onError = (err: unknown) => logger.warn({ err }, 'the database does not answer; trying on')
    const open = () => openStoreLog({ ...settings, store }, logger).catch(schemaProblem)
    return retryForEver(open, { signal, onError })
  }
  return Promise.reject(noServer(engine))
}
