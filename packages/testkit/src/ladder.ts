import { findBrowser } from './browser-program.ts'
import { startKafkaContainer } from './kafka-server.ts'
import type { DependencyKind, Found } from './kinds.ts'
import { startNativeKafka } from './native-kafka.ts'
import { startNativePostgres, startPostgresContainer } from './postgres-server.ts'
import { findPrometheusImage, findPrometheusProgram } from './prometheus-server.ts'
import { findPython } from './python-program.ts'
import { startNativeRedis, startRedisContainer } from './redis-server.ts'

export type ServerSettings = {
  /** Servers somebody else runs, by kind; an empty list is none. */
  readonly given: Readonly<Record<DependencyKind, readonly string[]>>
  readonly containers: boolean
}

export type StartedServer = {
  readonly what: string
  readonly urls: readonly [string, ...string[]]
  readonly stop: () => Promise<void>
}

export type RunningServer = { readonly found: Found; readonly stop: () => Promise<void> }

type Starter = () => Promise<StartedServer>

const STARTERS: Readonly<Record<DependencyKind, { readonly container?: Starter; readonly native: Starter }>> =
  {
    postgres: { container: startPostgresContainer, native: startNativePostgres },
    kafka: { container: startKafkaContainer, native: startNativeKafka },
    redis: { container: startRedisContainer, native: startNativeRedis },
    prometheus: { container: findPrometheusImage, native: findPrometheusProgram },
    // What the suites drive is on their own machine.
    browser: { native: findBrowser },
    python: { native: findPython },
  }

/** Looks for a server: one given, else a container, else a native one. What did not work is the reason given. */
export async function findOnLadder(kind: DependencyKind, settings: ServerSettings): Promise<RunningServer> {
  const [first, ...more] = settings.given[kind]
  if (first !== undefined) {
    const found = {
      available: true,
      how: 'given',
      what: 'the server in the environment',
      urls: [first, ...more],
    } as const
    return { found, stop: async () => {} }
  }
  const { container, native } = STARTERS[kind]
  const isOff = container !== undefined && !settings.containers
  const failures: string[] = isOff ? ['containers are switched off by TEST_CONTAINERS=0'] : []
  const steps = { ...(container === undefined || isOff ? {} : { container }), native }
  for (const how of ['container', 'native'] as const) {
    const start = steps[how]
    if (start === undefined) continue
    try {
      const { stop, ...server } = await start()
      return { found: { available: true, how, ...server }, stop }
    } catch (error) {
      failures.push(error instanceof Error ? error.message : String(error))
    }
  }
  return { found: { available: false, reason: failures.join('; ') }, stop: async () => {} }
}
