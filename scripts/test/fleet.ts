import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { freePort, keepFolder, postgres } from '@roomlog/testkit'
import { expect, vi } from 'vitest'
import { prepare } from '../start/prepare.ts'
import { answersReady, type RunningService, runService } from '../start/service.ts'
import { type ServiceSpec, serviceTable } from '../start/services.ts'
import { readSettings } from '../start/settings.ts'
import type { Terminal } from '../start/terminal.ts'
import type { EngineName } from './operator-world.ts'
import { newFolder, prepareFull, ROOT } from './running-roomlog.ts'

/** Characters of the log of a service that does not get ready. */
const LOG_SHOWN = 4000
const READY = { timeout: 90_000, interval: 100 }
const SILENT: Terminal = { step: (_title, work) => work, line: () => undefined }

type Environment = Readonly<Record<string, string>>

export interface FleetServers extends AsyncDisposable {
  readonly env: Environment & { readonly DATABASE_URL: string }
}

/** A database of its own, and on the full engine the run's Kafka and Redis. */
export async function fleetServers(engine: EngineName): Promise<FleetServers> {
  if (engine === 'full') return prepareFull()
  const database = await postgres()
  const env = { ENGINE: engine, NAMESPACE: '', DATABASE_URL: database.url }
  return { env, [Symbol.asyncDispose]: () => database[Symbol.asyncDispose]() }
}

export interface FleetOptions {
  readonly env: Environment
  readonly apis?: number
  readonly edges?: number
  readonly persisters?: number
}

/** The services as processes on a migrated database, each started and stopped by its name, from one checkout or another. */
export class Fleet implements AsyncDisposable {
  readonly apiUrls: readonly string[]
  readonly wsUrls: readonly string[]
  /** How services that were stopped have ended: `exit code 0`, with what they said last. */
  readonly endings: string[] = []
  readonly #folder: string
  readonly #specs: ReadonlyMap<string, ServiceSpec>
  readonly #running = new Map<string, RunningService>()

  private constructor(folder: string, specs: readonly ServiceSpec[]) {
    this.#folder = folder
    this.#specs = new Map(specs.map((spec) => [spec.name, spec]))
    const portsOf = (service: string) =>
      specs.flatMap(({ name, port }) => (name.startsWith(service) ? [port] : []))
    this.apiUrls = portsOf('api').map((port) => `http://localhost:${port}`)
    this.wsUrls = portsOf('ws-edge').map((port) => `ws://localhost:${port}/ws`)
  }

  /** Resolves when the database and the topics are there; nothing runs yet. */
  static async prepare({ env, apis = 1, edges = 1, persisters = 1 }: FleetOptions): Promise<Fleet> {
    const folder = await newFolder()
    const all = {
      PATH: process.env.PATH ?? '',
      ROOMLOG_DATA: folder,
      EDGE_ID: 'fleet',
      // Talk as fast as the tests do.
      MESSAGES_PER_SECOND: '1000',
      MESSAGE_BURST: '1000',
      ROOM_MESSAGES_PER_SECOND: '1000',
      REGISTRATIONS_PER_MINUTE: '1000',
      ...env,
    }
    const settings = {
      ...readSettings(all, ROOT),
      apiPort: await freePort(),
      edgePorts: await freePorts(edges),
      persisterPorts: await freePorts(persisters),
    }
    const prepared = await prepare({
      settings,
      terminal: SILENT,
      commandFolder: join(ROOT, 'scripts'),
      databaseUrl: settings.databaseUrl ?? '',
      stop: new AbortController().signal,
    })
    const table = serviceTable(ROOT, settings, prepared)
    const more = await freePorts(apis - 1)
    const others = more.flatMap((port, i) =>
      table
        .filter(({ name }) => name === 'api')
        .map((spec) => ({ ...spec, name: `api-${i + 2}`, port, env: { ...spec.env, PORT: String(port) } })),
    )
    return new Fleet(folder, [...table, ...others])
  }

  get names(): readonly string[] {
    return [...this.#specs.keys()]
  }

  /** Resolves when these, by default all, run (from the checkout at `root` those that did not) and are ready. */
  async start(names: readonly string[] = this.names, root = ROOT): Promise<void> {
    for (const name of names) if (!this.#running.has(name)) this.#run(name, root)
    const ready = async () => {
      const specs = names.flatMap((name) => this.#specs.get(name) ?? [])
      const states = await Promise.all(specs.map(answersReady))
      return names.filter((_, i) => states[i] !== true)
    }
    await vi
      .waitFor(async () => expect(await ready()).toEqual([]), READY)
      .catch(async (error: Error) => {
        const logs = await Promise.all((await ready()).map((name) => this.logOf(name)))
        throw new Error(`${error.message}\n${logs.map((log) => log.slice(-LOG_SHOWN)).join('\n')}`, {
          cause: error,
        })
      })
  }

  /** SIGTERM to all of them; resolves when they have ended. */
  async stop(names: readonly string[] = [...this.#running.keys()]): Promise<void> {
    await Promise.all(names.map((name) => this.#running.get(name)?.stop()))
    for (const name of names) this.#running.delete(name)
  }

  /** What a service has printed. */
  logOf(name: string): Promise<string> {
    return readFile(join(this.#folder, 'logs', `${name}.log`), 'utf8')
  }

  #run(name: string, root: string): void {
    const spec = this.#specs.get(name)
    if (spec === undefined) throw new Error(`no service ${name}`)
    const file = join(root, spec.file.slice(ROOT.length))
    const host = {
      logFolder: join(this.#folder, 'logs'),
      terminal: SILENT,
      onChange: () => undefined,
      onEnd: (_name: string, how: string) => void this.endings.push(how),
    }
    this.#running.set(name, runService({ ...spec, file }, host))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const service of this.#running.values()) service.kill()
    await this.stop()
    keepFolder(join(this.#folder, 'logs'))
    await rm(this.#folder, { recursive: true, force: true })
  }
}

async function freePorts(count: number): Promise<readonly number[]> {
  const ports: number[] = []
  while (ports.length < count) ports.push(await freePort())
  return ports
}
