import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import {
  type ControlledKafka,
  type ControlledPostgres,
  type ControlledRedis,
  controlledKafka,
  controlledPostgres,
  controlledRedis,
  type FaultProxy,
  faultProxy,
  freePort,
  keepProcess,
  keptFolder,
  type ProcessEnd,
} from '@roomlog/testkit/proof'
import { CompiledQuery } from 'kysely'
import { prepare } from '../start/prepare.ts'
import { answersReady, type RunningService, runService, whyNotReady } from '../start/service.ts'
import { type ServiceSpec, serviceTable } from '../start/services.ts'
import { readSettings } from '../start/settings.ts'
import type { Terminal } from '../start/terminal.ts'
import { CONTROLS, type ControlName } from './controls.ts'
import { withDatabase } from './database.ts'
import { mountSmallDisk, type SmallDisk } from './small-disk.ts'

export const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const RESTART_DELAY_MS = 500
const READY_POLL_MS = 100
const GC_PRELOAD = new URL('./preload/collect-garbage.ts', import.meta.url).href
const CONTROL_PRELOAD = new URL('./preload/control.ts', import.meta.url).href

export type EngineName = 'embedded' | 'full'

/** What a fault needs of the system that it breaks. Stacks of equal needs serve several runs. */
export interface StackOptions {
  readonly engine: EngineName
  readonly edges: number
  readonly persisters: number
  /** Of Kafka. */
  readonly brokers: 1 | 3
  /** Services reach PostgreSQL and Redis through a fault proxy. Kafka's brokers always are. */
  readonly proxied: boolean
  /** Name of a control: the services run a build that is broken on purpose. */
  readonly control?: ControlName | undefined
  /** PostgreSQL keeps its data on a disk of so many bytes, which can be filled. */
  readonly smallDisk?: number
  /** MiB that V8 may fill in every service; undefined: as it likes. */
  readonly heapMiB?: number
  /** More settings of every service. Where they name Kafka's brokers, it has no Kafka and no Redis of its own. */
  readonly env?: Readonly<Record<string, string>>
}

export interface Servers {
  readonly postgres: ControlledPostgres
  readonly kafka: ControlledKafka | undefined
  readonly redis: ControlledRedis | undefined
  /** What `smallDisk` asks for. */
  readonly disk: SmallDisk | undefined
}

/** How a service ended that was told to. */
export interface Stopped {
  readonly ms: number
  /** As in `exit code 0` or, when it took longer than 20 s, `SIGKILL`. */
  readonly how: string
}

export interface Proxies {
  readonly postgres: FaultProxy | undefined
  readonly redis: FaultProxy | undefined
  /** One before each edge, for the clients whose connections are to fail. */
  readonly edges: readonly FaultProxy[]
}

/** So many people register and connect at once from one address, and no limit is what is tested. */
const LOAD_SETTINGS = {
  LOG_LEVEL: 'info',
  REGISTRATIONS_PER_MINUTE: '1000000',
  LOGINS_PER_MINUTE: '1000000',
  HANDSHAKES_PER_SECOND: '100000',
  HANDSHAKE_BURST: '100000',
}

/** A whole Roomlog on servers of its own, of which each part can be broken. */
export class Stack implements AsyncDisposable {
  readonly options: StackOptions
  readonly servers: Servers
  readonly proxies: Proxies
  readonly apiUrl: string
  readonly wsUrls: readonly string[]
  readonly logFolder: string
  /** Told when a process ended that nobody was to end. */
  onTrouble: (what: string) => void = () => undefined
  readonly #specs: ReadonlyMap<string, ServiceSpec>
  readonly #running = new Map<string, RunningService>()
  /** How each service ended last. */
  readonly #ends = new Map<string, string>()
  /** Exit codes that a service which is being stopped may have. */
  readonly #allowed = new Map<string, readonly number[]>()
  /** Ends the care for those that stand still, who would not notice that this process has ended. */
  readonly #frozen = new Map<string, () => void>()
  /** Services whose next end by SIGKILL is meant. */
  readonly #doomed = new Set<string>()
  readonly #terminal: Terminal
  readonly #cleanUp: AsyncDisposableStack

  private constructor(parts: {
    readonly options: StackOptions
    readonly servers: Servers
    readonly proxies: Proxies
    readonly specs: readonly ServiceSpec[]
    readonly logFolder: string
    readonly terminal: Terminal
    readonly cleanUp: AsyncDisposableStack
  }) {
    const { options, servers, proxies, specs, logFolder, terminal, cleanUp } = parts
    this.options = options
    this.servers = servers
    this.proxies = proxies
    this.logFolder = logFolder
    this.#terminal = terminal
    this.#cleanUp = cleanUp
    this.#specs = new Map(specs.map((spec) => [spec.name, spec]))
    this.apiUrl = `http://127.0.0.1:${this.specOf('api').port}`
    this.wsUrls = this.edges.map((name) => `ws://127.0.0.1:${this.specOf(name).port}/ws`)
  }

  /** Resolves with servers that answer and no service running. */
  static async prepare(options: StackOptions, terminal: Terminal): Promise<Stack> {
    await using stack = new AsyncDisposableStack()
    const folder = stack.use(await keptFolder('roomlog-chaos')).path
    const made: { stack?: Stack } = {}
    const servers = await startServers(options, stack, (what) => made.stack?.onTrouble(what))
    const proxies = await startProxies(options, servers, stack)
    const env = environmentOf(options, servers, proxies, folder)
    const settings = {
      ...readSettings(env, ROOT),
      apiPort: await freePort(),
      edgePorts: await freePorts(options.edges),
      persisterPorts: await freePorts(options.persisters),
    }
    const prepared = await prepare({
      settings,
      terminal,
      commandFolder: join(ROOT, 'scripts'),
      databaseUrl: settings.databaseUrl ?? '',
      stop: new AbortController().signal,
    })
    await breakDatabase(options, servers.postgres.url)
    const specs = serviceTable(ROOT, settings, prepared).map((spec) => withNodeOptions(spec, options, folder))
    const edges = specs.filter(({ name }) => name.startsWith('ws-edge'))
    const edgeProxies: FaultProxy[] = []
    for (const { port } of edges) {
      edgeProxies.push(stack.use(await faultProxy(`ws://127.0.0.1:${port}/ws`)))
    }
    const cleanUp = stack.move()
    made.stack = new Stack({
      options,
      servers,
      proxies: { ...proxies, edges: edgeProxies },
      specs,
      logFolder: join(folder, 'logs'),
      terminal,
      cleanUp,
    })
    return made.stack
  }

  get names(): readonly string[] {
    return [...this.#specs.keys()]
  }

  get edges(): readonly string[] {
    return this.names.filter((name) => name.startsWith('ws-edge'))
  }

  get persisters(): readonly string[] {
    return this.names.filter((name) => name.startsWith('persister'))
  }

  specOf(name: string): ServiceSpec {
    const spec = this.#specs.get(name)
    if (spec === undefined) throw new Error(`no service ${name}`)
    return spec
  }

  edgeIdOf(name: string): string {
    return this.specOf(name).env.EDGE_ID ?? ''
  }

  isRunning(name: string): boolean {
    return this.#running.has(name)
  }

  /** Undefined between two lives. */
  pidOf(name: string): number | undefined {
    return this.#running.get(name)?.pid
  }

  /**
   * From now on it is started again whenever it ends. `env` goes over its settings for as long as it runs. An end that
   * nobody meant is trouble, by a signal, too: the system kills what takes too much memory, and `stop` what takes too long.
   */
  start(name: string, env: Readonly<Record<string, string>> = {}): void {
    if (this.#running.has(name)) throw new Error(`${name} runs already`)
    const spec = this.specOf(name)
    const isToCrash = env.CRASH_AT !== undefined
    const service = runService(
      { ...spec, env: { ...spec.env, ...env } },
      {
        logFolder: this.logFolder,
        terminal: { ...this.#terminal, line: () => undefined },
        onChange: () => undefined,
        onEnd: (_name, how, asked) => {
          this.#ends.set(name, how)
          const code = Number(/^exit code (\d+)/.exec(how)?.[1])
          const isMeant = this.#doomed.delete(name) || isToCrash
          if (how === 'SIGKILL' ? isMeant : asked && this.#allowed.get(name)?.includes(code)) return
          this.onTrouble(`${name} ended (${how})`)
        },
        delayMs: () => RESTART_DELAY_MS,
      },
    )
    this.#running.set(name, service)
  }

  /** SIGTERM, and no next life. An end with an exit code that is not `allowed` is trouble. */
  async stop(name: string, allowed: readonly number[] = [0]): Promise<Stopped> {
    const service = this.#running.get(name)
    this.#allowed.set(name, allowed)
    const startedAtMs = performance.now()
    await service?.stop()
    this.#running.delete(name)
    return { ms: performance.now() - startedAtMs, how: this.#ends.get(name) ?? 'it did not run' }
  }

  /** SIGKILL, and no next life. */
  async end(name: string): Promise<void> {
    const service = this.#running.get(name)
    if (service?.pid !== undefined) this.#doomed.add(name)
    const stopped = service?.stop()
    service?.kill()
    await stopped
    this.#running.delete(name)
  }

  /** Starts all that does not run; resolves when everything is ready. */
  async startAll(): Promise<void> {
    for (const name of this.names) if (!this.isRunning(name)) this.start(name)
    await this.ready()
  }

  /** A signal to the service's process; nothing between two lives. */
  signal(name: string, signal: NodeJS.Signals): void {
    const pid = this.pidOf(name)
    this.#frozen.get(name)?.()
    this.#frozen.delete(name)
    if (pid === undefined) return
    if (signal === 'SIGSTOP') this.#frozen.set(name, keepProcess(pid))
    if (signal === 'SIGKILL') this.#doomed.add(name)
    process.kill(pid, signal)
  }

  isReady(name: string): Promise<boolean> {
    return answersReady(this.specOf(name))
  }

  /** Resolves when all (or these) answer `/readyz`; rejects after `patienceMs` with what those say that do not. */
  async ready(names: readonly string[] = [...this.#running.keys()], patienceMs = 90_000): Promise<void> {
    const deadlineMs = performance.now() + patienceMs
    for (;;) {
      const reasons = await Promise.all(
        names.map(async (name) => {
          const reason = await whyNotReady(this.specOf(name))
          return reason === undefined ? [] : [`${name}: ${reason}`]
        }),
      )
      if (reasons.flat().length === 0) return
      if (performance.now() > deadlineMs) {
        throw new Error(`not ready after ${patienceMs} ms: ${reasons.flat().join(', ')}`)
      }
      await sleep(READY_POLL_MS)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.onTrouble = () => undefined
    for (const name of this.#running.keys()) this.signal(name, 'SIGCONT')
    for (const name of this.#running.keys()) this.#running.get(name)?.kill()
    await Promise.all([...this.#running.values()].map((service) => service.stop()))
    await this.#cleanUp.disposeAsync()
  }
}

async function startServers(
  { engine, brokers, smallDisk, env }: StackOptions,
  stack: AsyncDisposableStack,
  onTrouble: (what: string) => void,
): Promise<Servers> {
  const isFull = engine === 'full' && env?.KAFKA_BROKERS === undefined
  const disk = smallDisk === undefined ? undefined : stack.use(await mountSmallDisk(smallDisk))
  const onUnexpectedEnd = ({ name, code, signal, output }: ProcessEnd) =>
    onTrouble(`${name} ended (${signal ?? `exit code ${code}`}): ${output.slice(-500)}`)
  const starting = [
    // On a full disk PostgreSQL ends by itself.
    controlledPostgres(disk === undefined ? { onUnexpectedEnd } : { folder: disk.folder }),
    isFull ? controlledKafka({ brokers, onUnexpectedEnd }) : undefined,
    isFull ? controlledRedis({ onUnexpectedEnd }) : undefined,
  ] as const
  // What started is given back although another did not.
  const settled = await Promise.allSettled(starting)
  for (const result of settled) if (result.status === 'fulfilled' && result.value) stack.use(result.value)
  const [postgres, kafka, redis] = await Promise.all(starting)
  return { postgres, kafka, redis, disk }
}

async function startProxies(
  { proxied }: StackOptions,
  { postgres, redis }: Servers,
  stack: AsyncDisposableStack,
): Promise<Omit<Proxies, 'edges'>> {
  if (!proxied) return { postgres: undefined, redis: undefined }
  return {
    postgres: stack.use(await faultProxy(postgres.url)),
    redis: redis === undefined ? undefined : stack.use(await faultProxy(redis.url)),
  }
}

function environmentOf(
  options: StackOptions,
  servers: Servers,
  proxies: Omit<Proxies, 'edges'>,
  folder: string,
): Record<string, string> {
  const kafka = servers.kafka === undefined ? {} : { KAFKA_BROKERS: servers.kafka.brokers.join() }
  const redisUrl = proxies.redis?.url ?? servers.redis?.url
  return {
    PATH: process.env.PATH ?? '',
    HOME: process.env.HOME ?? '',
    ROOMLOG_DATA: folder,
    ENGINE: options.engine,
    DATABASE_URL: proxies.postgres?.url ?? servers.postgres.url,
    EDGES: String(options.edges),
    EDGE_ID: 'chaos',
    PERSISTERS: String(options.persisters),
    ...kafka,
    ...(redisUrl === undefined ? {} : { REDIS_URL: redisUrl }),
    ...LOAD_SETTINGS,
    ...options.env,
  }
}

/** What a control breaks in the database. */
async function breakDatabase({ control }: StackOptions, url: string): Promise<void> {
  const statements = control === undefined ? undefined : CONTROLS[control].sql
  if (statements === undefined) return
  await withDatabase(url, (db) => db.executeQuery(CompiledQuery.raw(statements)))
}

async function freePorts(count: number): Promise<readonly number[]> {
  const ports: number[] = []
  while (ports.length < count) ports.push(await freePort())
  return ports
}

function withNodeOptions(spec: ServiceSpec, { control, heapMiB }: StackOptions, folder: string): ServiceSpec {
  const preloads = [GC_PRELOAD, ...(control === undefined ? [] : [CONTROL_PRELOAD])]
  const heap = heapMiB === undefined ? [] : [`--max-old-space-size=${heapMiB}`]
  const NODE_OPTIONS = [...preloads.map((url) => `--import=${url}`), ...heap].join(' ')
  const own = control === undefined ? {} : { ROOMLOG_CONTROL: control }
  const ROOMLOG_MEMORY_FILE = join(folder, `${spec.name}.memory`)
  return { ...spec, env: { ...spec.env, NODE_OPTIONS, ROOMLOG_MEMORY_FILE, ...own } }
}
