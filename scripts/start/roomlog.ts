import { join } from 'node:path'
import { type DataFolder, takeDataFolder } from './data-folder.ts'
import { type KeptDatabase, keepDatabase } from './database.ts'
import { makePage } from './page.ts'
import { checkPorts } from './ports.ts'
import type { RunState } from './run-file.ts'
import { type RunningService, runService } from './service.ts'
import type { serviceTable } from './services.ts'
import type { Settings } from './settings.ts'
import type { Terminal } from './terminal.ts'

export interface RoomlogOptions {
  /** The checkout. */
  readonly root: string
  readonly settings: Settings
  readonly terminal: Terminal
  /** Aborts when all is to stop; a start under way breaks off. */
  readonly stop: AbortSignal
  /** Aborts when services are to be killed rather than waited for. */
  readonly hurry: AbortSignal
  /** What to run; by default what a start is for. */
  readonly services?: typeof serviceTable
  /** Where one of `services` shows the page; by default it is built where its sources changed, and the api shows it. */
  readonly pageUrl?: string
  /** Where `migrate.ts` and `topics.ts` are; `scripts` unless the starter itself is tested. */
  readonly commandFolder?: string
}

/** What runs by now. */
interface Running {
  database?: KeptDatabase
  services: readonly RunningService[]
  ready: boolean
}

/** Starts all, keeps it running until `stop` aborts, then stops all. Rejects, with all stopped too, when it cannot. */
export async function runRoomlog(options: RoomlogOptions): Promise<void> {
  const { settings, stop } = options
  await using cleanUp = new AsyncDisposableStack()
  const folder = await takeDataFolder(settings.dataFolder)
  cleanUp.defer(folder.release)
  await checkPorts(settings)
  try {
    await keepRunning(options, folder, cleanUp)
  } catch (error) {
    if (!stop.aborted) throw error
  }
}

async function keepRunning(
  options: RoomlogOptions,
  folder: DataFolder,
  cleanUp: AsyncDisposableStack,
): Promise<void> {
  const { root, settings, terminal, stop } = options
  const running: Running = { services: [], ready: false }
  const onChange = runFileWriter(running, settings, folder, terminal)
  // What services read brings much code along, which is loaded while the database starts.
  const loading = Promise.all([import('./prepare.ts'), import('./services.ts')])
  loading.catch(() => undefined)
  const page = loading.then(([, { systemEnvironment }]) =>
    options.pageUrl === undefined ? makePage(root, systemEnvironment(settings.env), stop) : undefined,
  )
  page.catch(() => undefined)
  const database = await startDatabase(options, onChange)
  if (database !== undefined) {
    running.database = database
    cleanUp.defer(() => terminal.step('PostgreSQL stops', database.stop(), () => 'PostgreSQL stopped'))
  }
  const over = Promise.race([untilAborted(stop), ...(database === undefined ? [] : [database.lost])])
  const unlessOver = <T>(work: Promise<T>): Promise<T> => Promise.race([work, over])

  const [{ prepare }, { serviceTable }] = await unlessOver(loading)
  const databaseUrl = database?.url ?? settings.databaseUrl ?? ''
  const commandFolder = options.commandFolder ?? join(root, 'scripts')
  const prepared = await unlessOver(prepare({ settings, terminal, commandFolder, databaseUrl, stop }))

  if (options.pageUrl === undefined) {
    await terminal.step('page', unlessOver(page), (isNew) => (isNew === true ? 'page, built anew' : 'page'))
  }
  const specs = (options.services ?? serviceTable)(root, settings, prepared)
  const host = { logFolder: folder.logs, terminal, onChange, holds: database?.guardPipe }
  running.services = specs.map((spec) => runService(spec, host))
  cleanUp.defer(() => stopServices(running.services, terminal, options.hurry))
  const ready = unlessOver(Promise.all(running.services.map((service) => service.ready())))
  await terminal.step('services', ready, () => `services ready: ${specs.map(({ name }) => name).join(', ')}`)
  running.ready = true
  await onChange()
  terminal.line(welcome(settings, options.pageUrl))
  await over
}

async function startDatabase(
  { settings, terminal }: RoomlogOptions,
  onChange: () => void,
): Promise<KeptDatabase | undefined> {
  if (settings.databaseUrl !== undefined) return undefined
  const starting = keepDatabase(settings.dataFolder, terminal, onChange)
  return terminal.step('PostgreSQL', starting, ({ description }) => description)
}

/** SIGTERM to all, then their end; SIGKILL when `hurry` aborts. */
async function stopServices(
  services: readonly RunningService[],
  terminal: Terminal,
  hurry: AbortSignal,
): Promise<void> {
  const killAll = () => {
    for (const service of services) service.kill()
  }
  hurry.addEventListener('abort', killAll)
  const stopped = Promise.all(services.map((service) => service.stop()))
  if (hurry.aborted) killAll()
  await terminal.step('services stop (Ctrl-C again: at once)', stopped, () => 'services stopped')
}

function untilAborted(signal: AbortSignal): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>()
  // Nobody may be waiting when it rejects.
  promise.catch(() => undefined)
  if (signal.aborted) reject(signal.reason)
  else signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  return promise
}

function runFileWriter(running: Running, settings: Settings, folder: DataFolder, terminal: Terminal) {
  const startedAt = new Date().toISOString()
  const state = (): RunState => ({
    pid: process.pid,
    engine: settings.engine,
    startedAt,
    ready: running.ready,
    urls: urls(settings),
    services: running.services.map((service) => {
      const { pid } = service
      return { name: service.spec.name, port: service.spec.port, ...(pid === undefined ? {} : { pid }) }
    }),
    databaseUrl: running.database?.url ?? settings.databaseUrl ?? '',
    ...(running.database === undefined ? {} : { postgresPid: running.database.pid }),
  })
  return () =>
    folder
      .save(state())
      .catch((error: NodeJS.ErrnoException) => terminal.line(`  run.json cannot be written (${error.code})`))
}

function urls({ apiPort, edgePorts }: Settings): RunState['urls'] {
  return {
    api: `http://localhost:${apiPort}`,
    ws: edgePorts.map((port) => `ws://localhost:${port}/ws`),
  }
}

function welcome(settings: Settings, pageUrl: string | undefined): string {
  const { api, ws } = urls(settings)
  return `
Roomlog runs.
  chat       ${pageUrl ?? api}
  API        ${api}/docs
  WebSocket  ${ws.join('  ')}
  health     ${api}/health
  data       ${settings.dataFolder}
Ctrl-C stops it.`
}
