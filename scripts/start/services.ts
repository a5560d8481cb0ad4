import { join } from 'node:path'
import { settings as api } from '@roomlog/api/config'
import { settings as persister } from '@roomlog/persister/config'
import { settings as edge } from '@roomlog/ws-edge/config'
import type { Keys } from './keys.ts'
import type { Environment, Settings } from './settings.ts'

/** One process to run. */
export interface ServiceSpec {
  /** As in `api` or `ws-edge-2`; also the name of its log. */
  readonly name: string
  readonly file: string
  /** Node's own. */
  readonly flags?: readonly string[]
  readonly host: string
  readonly port: number
  /** All of its environment. */
  readonly env: Readonly<Record<string, string>>
}

/** What is known only once the start is under way. */
export interface Prepared {
  readonly databaseUrl: string
  /** Whether services can take roles of their own. */
  readonly roles: boolean
  readonly keys: Keys
}

/** What each service reads from its environment. */
export const SERVICE_SETTINGS = { api, 'ws-edge': edge, persister } as const

type ServiceName = keyof typeof SERVICE_SETTINGS

/** Made by `npm run migrate`. */
const ROLES = { api: 'roomlog_api', 'ws-edge': 'roomlog_edge', persister: 'roomlog_persister' } as const

const SYSTEM = ['PATH', 'HOME', 'TZ', 'LANG', 'NODE_EXTRA_CA_CERTS']
/** What is the starter's to say: each service has a role of its own, and each edge a name. */
const NOT_PASSED_ON = ['DATABASE_ROLE', 'EDGE_ID']

/**
 * An edge's memory for what was just made grows while many sockets come, to 100 MB, and one that has sockets is never so
 * quiet that Node gives it back. The images have the same.
 */
const EDGE_FLAGS = ['--max-semi-space-size=16']

/** Every service of a start, each with its own settings and nobody else's. */
export function serviceTable(root: string, settings: Settings, prepared: Prepared): readonly ServiceSpec[] {
  const { host, apiPort, edgePorts, persisterPorts, env } = settings
  const defaults: Partial<Record<ServiceName, ServiceSpec['env']>> = {
    api: { PUBLIC_WS_URLS: edgePorts.map((port) => `ws://localhost:${port}/ws`).join() },
    'ws-edge': { ALLOWED_ORIGINS: pageOrigins(apiPort).join() },
  }
  const spec = (service: ServiceName, name: string, port: number, own: ServiceSpec['env']): ServiceSpec => ({
    name,
    file: join(root, 'services', service, 'src/main.ts'),
    host,
    port,
    env: {
      ...defaults[service],
      ...systemEnvironment(env),
      ...pick(env, settingsOf(service)),
      PORT: String(port),
      ENGINE: settings.engine,
      DATABASE_URL: prepared.databaseUrl,
      ...(prepared.roles ? { DATABASE_ROLE: ROLES[service] } : {}),
      ...own,
    },
  })
  const { JWT_PUBLIC_KEYS } = prepared.keys
  const persisters = numbered('persister', persisterPorts).map(([name, port]) =>
    spec('persister', name, port, {}),
  )
  const edges = numbered('ws-edge', edgePorts).map(([name, port], index) => ({
    ...spec('ws-edge', name, port, { ...edgeId(env, index, edgePorts.length), JWT_PUBLIC_KEYS }),
    flags: EDGE_FLAGS,
  }))
  return [...persisters, spec('api', 'api', apiPort, { ...prepared.keys }), ...edges]
}

function settingsOf(service: ServiceName): readonly string[] {
  return Object.keys(SERVICE_SETTINGS[service]).filter((name) => !NOT_PASSED_ON.includes(name))
}

/** Every way in which a browser on this machine may name the origin of a page at that port. */
export function pageOrigins(port: number): readonly string[] {
  return ['localhost', '127.0.0.1', '[::1]'].map((host) => `http://${host}:${port}`)
}

// Unset, each edge makes its own from host name and port; one given to several must differ between them.
function edgeId(env: Environment, index: number, count: number): Record<string, string> {
  if (env.EDGE_ID === undefined) return {}
  return { EDGE_ID: count === 1 ? env.EDGE_ID : `${env.EDGE_ID}-${index + 1}` }
}

function numbered(name: string, ports: readonly number[]): readonly (readonly [string, number])[] {
  return ports.map((port, index) => [ports.length === 1 ? name : `${name}-${index + 1}`, port])
}

/** The variables of these names that are set. */
export function pick(env: Environment, names: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]])))
}

export function systemEnvironment(env: Environment): Record<string, string> {
  return pick(env, SYSTEM)
}
