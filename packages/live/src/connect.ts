import type { Database } from '@roomlog/db'
import type { Logger } from 'pino'
import type { Live } from './port.ts'
import { postgresLive } from './postgres.ts'
import { redisLive } from './redis.ts'
import { PRESENCE_TIMES, type PresenceTimes } from './times.ts'

export interface LiveSettings {
  readonly engine: 'embedded' | 'full'
  readonly namespace: string
  /** Of engine `full`. */
  readonly redisUrl?: string | undefined
  /** Of engine `embedded`; stays its owner's to close, after this. */
  readonly database?: Database | undefined
  readonly times?: PresenceTimes
}

/** The live store of the engine. Returns at once: a store that is away is connected to when it comes. */
export function connectLive(settings: LiveSettings, logger: Logger): Live {
  const { engine, namespace, redisUrl, database, times = PRESENCE_TIMES } = settings
  if (engine === 'full' && redisUrl !== undefined)
    return redisLive({ url: redisUrl, namespace, times }, logger)
  if (engine === 'embedded' && database !== undefined) return postgresLive({ database, times }, logger)
  throw new TypeError(`the engine ${engine} was given no server`)
}
