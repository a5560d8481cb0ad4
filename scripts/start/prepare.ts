import { join } from 'node:path'
import { settings as topicSettings } from '../topic-settings.ts'
import { runCommand } from './commands.ts'
import { type Keys, keysIn } from './keys.ts'
import { type Prepared, pick, systemEnvironment } from './services.ts'
import type { Settings } from './settings.ts'
import type { Terminal } from './terminal.ts'

export interface PrepareOptions {
  readonly settings: Settings
  readonly terminal: Terminal
  /** Where `migrate.ts` and `topics.ts` are. */
  readonly commandFolder: string
  readonly databaseUrl: string
  readonly stop: AbortSignal
}

/** Brings the database and the topics to what services expect, and finds the keys. */
export async function prepare(options: PrepareOptions): Promise<Prepared> {
  const { settings, terminal, commandFolder, databaseUrl, stop } = options
  const env = {
    ...systemEnvironment(settings.env),
    ...pick(settings.env, Object.keys(topicSettings)),
    ENGINE: settings.engine,
    DATABASE_URL: databaseUrl,
  }
  const run = (file: string) => runCommand(join(commandFolder, file), env, stop)
  const roles = await terminal.step(
    'database schema',
    run('migrate.ts').then(readRoles),
    () => 'database schema',
  )
  // On the embedded engine topics are rows of the schema just made.
  await terminal.step('topics', run('topics.ts'), () => 'topics')
  return { databaseUrl, roles, keys: await findKeys(settings) }
}

/** migrate.ts ends with a line such as `{"roles":true}`. */
function readRoles(line: string): boolean {
  try {
    return JSON.parse(line).roles === true
  } catch {
    return false
  }
}

async function findKeys({ env, dataFolder }: Settings): Promise<Keys> {
  const { JWT_PRIVATE_KEY, JWT_PUBLIC_KEYS } = env
  if (JWT_PRIVATE_KEY !== undefined && JWT_PUBLIC_KEYS !== undefined)
    return { JWT_PRIVATE_KEY, JWT_PUBLIC_KEYS }
  return keysIn(dataFolder)
}
