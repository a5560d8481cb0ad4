import { join } from 'node:path'
import type { Keys } from './keys.ts'
import type { Environment, Settings } from './settings.ts'

/** One process to run. */
export interface ServiceSpec {
  /** As in `api` or `ws-edge-2`; also the name of its log. */
  readonly name: string
  readonly file: string
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

const SYSTEM = ['PATH', 'HOME', 'TZ', 'LANG', 'NODE_EXTRA_CA_CERTS']
const COMMON = [...SYSTEM, 'NODE_ENV', 'LOG_LEVEL', 'HOST', 'NAMESPACE', 'PARTITIONS']
export const KAFKA = [
  'KAFKA_BROKERS',
  'KAFKA_SSL',
  'KAFKA_SASL_MECHANISM',
  'KAFKA_SASL_USERNAME',
  'KAFKA_SASL_PASSWORD',
]
const API = [
  'ACCESS_TOKEN_TTL',
  'REFRESH_TOKEN_TTL',
  'CORS_ORIGINS',
  'PUBLIC_WS_URLS',
  'TRUST_PROXY',
  'REDIS_URL',
  'REGISTRATIONS_PER_MINUTE',
  'LOGINS_PER_MINUTE',
  'ACCOUNT_LOGINS_PER_MINUTE',
]
const EDGE = [
  'ALLOWED_ORIGINS',
  'TRUST_PROXY',
  'REDIS_URL',
  'HANDSHAKES_PER_SECOND',
  'HANDSHAKE_BURST',
  ...KAFKA,
]
/** Limits of which api tells clients, and which edges keep. */
const LIMITS = [
  'MAX_BODY',
  'MAX_FRAME_BYTES',
  'MAX_ROOMS_PER_SOCKET',
  'MAX_SOCKETS_PER_USER',
  'MAX_ROOMS_PER_JOIN',
  'MAX_RESUME',
  'MAX_UNACKED',
  'MESSAGES_PER_SECOND',
  'MESSAGE_BURST',
  'ROOM_MESSAGES_PER_SECOND',
  'FRAMES_PER_SECOND',
]

/** Every service of a start, each with its own settings and nobody else's. */
export function serviceTable(root: string, settings: Settings, prepared: Prepared): readonly ServiceSpec[] {
  const { host, apiPort, edgePorts, persisterPorts, env } = settings
  const common = (role: string, port: number) => ({
    ...pick(env, COMMON),
    PORT: String(port),
    ENGINE: settings.engine,
    DATABASE_URL: prepared.databaseUrl,
    ...(prepared.roles ? { DATABASE_ROLE: role } : {}),
  })
  const spec = (service: string, name: string, env: ServiceSpec['env']): ServiceSpec => {
    const file = join(root, 'services', service, 'src/main.ts')
    return { name, file, host, port: Number(env.PORT), env }
  }
  const persisters = numbered('persister', persisterPorts).map(([name, port]) =>
    spec('persister', name, {
      ...common('roomlog_persister', port),
      ...pick(env, KAFKA),
    }),
  )
  const api = spec('api', 'api', {
    ...common('roomlog_api', apiPort),
    PUBLIC_WS_URLS: edgePorts.map((port) => `ws://localhost:${port}/ws`).join(),
    ...pick(env, [...API, ...LIMITS]),
    ...prepared.keys,
  })
  const edges = numbered('ws-edge', edgePorts).map(([name, port], index) =>
    spec('ws-edge', name, {
      ...common('roomlog_edge', port),
      ALLOWED_ORIGINS: pageOrigins(apiPort).join(),
      ...pick(env, [...EDGE, ...LIMITS]),
      ...edgeId(env, index, edgePorts.length),
      JWT_PUBLIC_KEYS: prepared.keys.JWT_PUBLIC_KEYS,
    }),
  )
  return [...persisters, api, ...edges]
}

/** Every way in which a browser on this machine may name the page's origin. */
function pageOrigins(apiPort: number): readonly string[] {
  return ['localhost', '127.0.0.1', '[::1]'].map((host) => `http://${host}:${apiPort}`)
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
