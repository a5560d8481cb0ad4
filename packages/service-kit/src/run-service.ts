import { hostname } from 'node:os'
import type { FastifyInstance } from 'fastify'
import { armCrashPoint } from './crash-point.ts'
import { heardEverybody } from './knock.ts'
import { createLogger, type Logger } from './logger.ts'
import { SettingsError } from './settings.ts'
import type { TracingConfig } from './tracing/settings.ts'
import { openTracing, type Tracing } from './tracing/tracing.ts'

/** What every service's config has. */
export interface ServiceConfig {
  readonly logLevel: string
  readonly host: string
  readonly port: number
  /** As `CRASH_AT` has it. */
  readonly crashAt?: string | undefined
  /** Undefined: no traces. */
  readonly tracing?: TracingConfig | undefined
}

export interface RunOptions<C extends ServiceConfig> {
  readonly name: string
  readonly parseConfig: () => C
  readonly buildApp: (config: C, overrides: Started) => Promise<FastifyInstance>
  /** Milliseconds that a clean stop may take before the process ends all the same. */
  readonly stopTimeoutMs?: number
}

/** What the process has before its application. */
interface Started {
  readonly log: Logger
  readonly tracing: Tracing | undefined
}

const STOP_TIMEOUT_MS = 15_000

/** A service's process: settings, application, listen, and a clean stop at SIGTERM or SIGINT. */
export async function runService<C extends ServiceConfig>(options: RunOptions<C>): Promise<void> {
  const config = settingsOrExit(options)
  const log = createLogger({ name: options.name, level: config.logLevel })
  armCrashPoint(config.crashAt)
  // A process in an unknown state is worth less than a fresh one.
  process.on('unhandledRejection', (error) => die(log, error, 'unhandled rejection'))
  process.on('uncaughtException', (error) => die(log, error, 'uncaught exception'))
  const running: Running = {}
  stopOnSignals(running, log, options.stopTimeoutMs ?? STOP_TIMEOUT_MS)
  try {
    const origin = { service: options.name, host: hostname(), port: config.port }
    const tracing = config.tracing && (await openTracing(config.tracing, origin, log))
    running.tracing = tracing
    const app = await options.buildApp(config, { log, tracing })
    running.app = app
    const address = await app.listen({ host: config.host, port: config.port })
    log.info({ address }, `${options.name} listens`)
  } catch (error) {
    die(log, error, `${options.name} cannot start`)
  }
}

function settingsOrExit<C extends ServiceConfig>(options: RunOptions<C>): C {
  try {
    return options.parseConfig()
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error
    process.stderr.write(`${options.name}: ${error.message}\n`)
    process.exit(1)
  }
}

interface Running {
  app?: FastifyInstance
  tracing?: Tracing | undefined
}

/** From the very start: the first process of a container does not hear a signal that it has no handler for. */
function stopOnSignals(running: Readonly<Running>, log: Logger, timeoutMs: number): void {
  let stopping = false
  const stop = (signal: string) => {
    if (stopping) return
    stopping = true
    log.info({ signal }, 'stopping')
    const { app, tracing } = running
    // It waits for what it depends on, and has neither clients nor work.
    if (app === undefined) return exit(log, 0)
    setTimeout(
      () => die(log, new Error(`not stopped within ${timeoutMs} ms`), 'forced stop'),
      timeoutMs,
    ).unref()
    heardEverybody(app.server)
      .then(() => app.close())
      .then(() => tracing?.stop())
      .then(
        () => exit(log, 0),
        (error) => die(log, error, 'unclean stop'),
      )
  }
  process.on('SIGTERM', stop)
  process.on('SIGINT', stop)
}

/** For what leaves the process useless, wherever that shows: throws outside of any promise, where it is seen as uncaught. */
export function endProcess(error: Error): void {
  queueMicrotask(() => {
    throw error
  })
}

function die(log: Logger, error: unknown, message: string): void {
  log.fatal({ err: error }, message)
  exit(log, 1)
}

function exit(log: Logger, code: number): void {
  log.flush(() => process.exit(code))
  // A transport that cannot write must not keep the process.
  setTimeout(() => process.exit(code), 500).unref()
}
