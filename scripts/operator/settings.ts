import {
  BESIDE_OTHERS,
  commonSettings,
  kafkaServers,
  kafkaSettings,
  needsOnFullEngine,
  needsWholeKafkaLogin,
  parseSettings,
  SettingsError,
} from '@roomlog/service-kit'
import { z } from 'zod'
import { type RunState, runningRoomlog } from '../start/run-file.ts'
import { OperatorFailure, reasonOf } from './failure.ts'

export type Environment = Readonly<Record<string, string | undefined>>

const { ENGINE, NAMESPACE, PARTITIONS, LOG_LEVEL, DATABASE_URL, DATABASE_ROLE } = commonSettings

/** What an operator's command reads from its environment. */
export const settings = {
  ENGINE,
  NAMESPACE,
  PARTITIONS,
  LOG_LEVEL,
  DATABASE_URL: DATABASE_URL.optional(),
  DATABASE_ROLE,
  ...kafkaSettings,
}

const servers = z.object(settings)

/** Where the log and the database are. */
export interface Target {
  readonly engine: 'embedded' | 'full'
  readonly namespace: string
  readonly partitions: number
  readonly logLevel: string
  readonly database: { readonly url: string; readonly role: string | undefined } | undefined
  readonly kafka: ReturnType<typeof kafkaServers>
}

export interface TargetWithDatabase extends Target {
  readonly database: NonNullable<Target['database']>
}

export interface SettingsRequest<T> {
  readonly env: Environment
  /** Of the arguments' texts, which `given` has by their names with the dashes. */
  readonly options: z.ZodType<T>
  readonly given: Environment
  /** On the full engine, too. */
  readonly needsDatabase: boolean
  /** Default: what `npm start` has started from this folder. */
  readonly findRunning?: () => Promise<Pick<RunState, 'engine' | 'databaseUrl'>>
}

/**
 * Servers from the environment, or where it names none, those of the Roomlog that was started from this folder. Throws
 * `SettingsError` with all problems of settings and options, `OperatorFailure` when nothing is set and nothing runs.
 */
export function readSettings<T>(
  request: SettingsRequest<T> & { readonly needsDatabase: true },
): Promise<{ readonly target: TargetWithDatabase; readonly options: T }>
export function readSettings<T>(
  request: SettingsRequest<T>,
): Promise<{ readonly target: Target; readonly options: T }>
export async function readSettings<T>(
  request: SettingsRequest<T>,
): Promise<{ readonly target: Target; readonly options: T }> {
  const problems: string[] = []
  const parsed = <V>(schema: z.ZodType<V>, env: Environment): V | undefined => {
    try {
      return parseSettings(schema, env)
    } catch (error) {
      if (!(error instanceof SettingsError)) throw error
      problems.push(...error.problems)
      return undefined
    }
  }
  const options = parsed(request.options, request.given)
  const settings = parsed(schemaFor(request.needsDatabase), await completed(request))
  if (options === undefined || settings === undefined) throw new SettingsError(problems)
  return { target: targetOf(settings), options }
}

function schemaFor(needsDatabase: boolean) {
  return servers
    .superRefine(needsOnFullEngine(['KAFKA_BROKERS']), BESIDE_OTHERS)
    .superRefine((settings, context) => {
      if (settings.DATABASE_URL !== undefined || (settings.ENGINE === 'full' && !needsDatabase)) return
      context.addIssue({ code: 'custom', path: ['DATABASE_URL'], message: 'is required' })
    }, BESIDE_OTHERS)
    .superRefine(needsWholeKafkaLogin, BESIDE_OTHERS)
}

function targetOf(settings: z.infer<typeof servers>): Target {
  const { ENGINE: engine, DATABASE_URL: url } = settings
  return {
    engine,
    namespace: settings.NAMESPACE,
    partitions: settings.PARTITIONS,
    // Standard output is the command's own, and libraries warn of what is then cured or told in a sentence.
    logLevel: settings.LOG_LEVEL === 'info' ? 'error' : settings.LOG_LEVEL,
    database: url === undefined ? undefined : { url, role: settings.DATABASE_ROLE },
    kafka: kafkaServers(settings),
  }
}

async function completed({
  env,
  findRunning = runningRoomlog,
}: SettingsRequest<unknown>): Promise<Environment> {
  const isNamed = ['ENGINE', 'DATABASE_URL', 'KAFKA_BROKERS'].some((name) => (env[name] ?? '') !== '')
  if (isNamed) return env
  try {
    const { engine, databaseUrl } = await findRunning()
    return { ...env, ENGINE: engine, DATABASE_URL: databaseUrl }
  } catch (error) {
    throw new OperatorFailure(
      `No servers are named, and ${reasonOf(error)}. For another one set DATABASE_URL, or ENGINE=full with DATABASE_URL and KAFKA_BROKERS.`,
      { cause: error },
    )
  }
}
