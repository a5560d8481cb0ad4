import type { Logger } from 'pino'
import type { EventLogSettings } from './connect.ts'
import { noServer } from './errors.ts'
import { openKafkaReader } from './kafka/reader.ts'
import { openPostgresReader } from './postgres/reader.ts'
import type { LogReader } from './reader.ts'

export type LogReaderSettings = Pick<
  EventLogSettings,
  'engine' | 'namespace' | 'partitions' | 'clientId' | 'kafka' | 'database'
>

/**
 * Opens the engine's log for reading without joining its groups. Rejects when the servers are away, and with an `EventLogError`
 * when the topics are missing or have another number of partitions.
 */
export function connectLogReader(settings: LogReaderSettings, logger: Logger): Promise<LogReader> {
  const { engine, kafka, database } = settings
  if (engine === 'full' && kafka !== undefined) return openKafkaReader({ ...settings, kafka }, logger)
  if (engine === 'embedded' && database !== undefined) return openPostgresReader({ ...settings, database })
  return Promise.reject(noServer(engine))
}
