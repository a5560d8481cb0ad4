import { resolve } from 'node:path'
import { StartFailure } from './failure.ts'

export type Environment = Readonly<Record<string, string | undefined>>

/** What `npm start` was told, checked. */
export interface Settings {
  readonly engine: 'embedded' | 'full'
  /** Absolute. */
  readonly dataFolder: string
  readonly host: string
  readonly apiPort: number
  readonly edgePorts: readonly number[]
  readonly persisterPorts: readonly number[]
  /** Only of `npm run dev`. */
  readonly pagePort: number
  /** Undefined: the embedded PostgreSQL is started. */
  readonly databaseUrl: string | undefined
  readonly env: Environment
}

/** What only `npm start` reads; all else that is set goes on to the services that know it. */
export const STARTER_SETTINGS = {
  API_PORT: { fallback: '3000', description: "The api's port" },
  EDGE_PORT: { fallback: '3001', description: "The first edge's port; the next has the next" },
  PERSISTER_PORT: { fallback: '3100', description: "The first persister's port; the next has the next" },
  PAGE_PORT: { fallback: '5173', description: "The page's port under npm run dev; else the api serves it" },
  EDGES: { fallback: '1', description: 'How many edges are started' },
  PERSISTERS: { fallback: '1', description: 'How many persisters are started' },
  ROOMLOG_DATA: {
    fallback: '.roomlog',
    description: 'Folder of logs, keys and the embedded PostgreSQL; relative to this one',
  },
} as const

const LAST_PORT = 65_535
const MAX_INSTANCES = 16
const NEEDED_ON_FULL_ENGINE = ['DATABASE_URL', 'KAFKA_BROKERS', 'REDIS_URL']

/** Reads the environment; an empty variable is an unset one. Throws one failure that names all problems. */
export function readSettings(environment: Environment, root: string): Settings {
  const env = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''))
  const problems: string[] = []
  const textOf = (name: keyof typeof STARTER_SETTINGS) => env[name] ?? STARTER_SETTINGS[name].fallback
  const integer = (name: keyof typeof STARTER_SETTINGS, max: number): number => {
    const text = textOf(name)
    if (/^[1-9][0-9]{0,4}$/.test(text) && Number(text) <= max) return Number(text)
    problems.push(`${name} must be a whole number of 1 to ${max}`)
    return Number(STARTER_SETTINGS[name].fallback)
  }
  const ports = (name: 'EDGE_PORT' | 'PERSISTER_PORT', count: number) => {
    const first = integer(name, LAST_PORT + 1 - count)
    return Array.from({ length: count }, (_, n) => first + n)
  }
  const engine = env.ENGINE ?? 'embedded'
  if (engine !== 'embedded' && engine !== 'full') problems.push('ENGINE must be embedded or full')
  if (engine === 'full') {
    const missing = NEEDED_ON_FULL_ENGINE.filter((name) => env[name] === undefined)
    problems.push(...missing.map((name) => `${name} is required with ENGINE=full`))
  }
  if ((env.JWT_PRIVATE_KEY === undefined) !== (env.JWT_PUBLIC_KEYS === undefined)) {
    problems.push('JWT_PRIVATE_KEY and JWT_PUBLIC_KEYS must be set together (or neither: keys are made)')
  }
  const apiPort = integer('API_PORT', LAST_PORT)
  const edgePorts = ports('EDGE_PORT', integer('EDGES', MAX_INSTANCES))
  const persisterPorts = ports('PERSISTER_PORT', integer('PERSISTERS', MAX_INSTANCES))
  const pagePort = integer('PAGE_PORT', LAST_PORT)
  const twice = firstTwice([apiPort, ...edgePorts, ...persisterPorts])
  if (twice !== undefined)
    problems.push(`port ${twice} is given twice: move API_PORT, EDGE_PORT or PERSISTER_PORT`)
  if (problems.length > 0) {
    throw new StartFailure('settings_invalid', `Set these right and start again: ${problems.join('; ')}.`)
  }
  return {
    engine: engine === 'full' ? 'full' : 'embedded',
    dataFolder: resolve(root, textOf('ROOMLOG_DATA')),
    host: env.HOST ?? '127.0.0.1',
    apiPort,
    edgePorts,
    persisterPorts,
    pagePort,
    databaseUrl: env.DATABASE_URL,
    env,
  }
}

function firstTwice(ports: readonly number[]): number | undefined {
  return ports.find((port, index) => ports.indexOf(port) !== index)
}
