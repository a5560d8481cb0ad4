import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import {
  type DependencyKind,
  freePort,
  kafka,
  keep,
  keepFolder,
  namespace,
  postgres,
  redis,
} from '@roomlog/testkit'
import { expect, vi } from 'vitest'
import { type RunState, readRunFile } from '../start/run-file.ts'

export const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const START_TIMEOUT_MS = 90_000
const METRICS_TIMEOUT_MS = 2_000

type Environment = Readonly<Record<string, string>>

/** What a Roomlog runs on: the embedded engine brings its own server, the full engine takes the run's real ones. */
export interface Engine {
  readonly name: 'embedded' | 'full'
  readonly needs: readonly DependencyKind[]
  /** Settings for `npm start`, and how to give back what they name. */
  prepare(): Promise<AsyncDisposable & { readonly env: Environment }>
}

export const ENGINES: readonly Engine[] = [
  {
    name: 'embedded',
    needs: [],
    prepare: async () => ({ env: {}, [Symbol.asyncDispose]: async () => undefined }),
  },
  { name: 'full', needs: ['postgres', 'kafka', 'redis'], prepare: prepareFull },
]

/** A database of its own, and the run's Kafka and Redis. */
export async function prepareFull() {
  const ns = namespace()
  const database = await postgres()
  const [{ brokers }, { url }] = [await kafka(ns), await redis(ns)]
  const env = {
    ENGINE: 'full',
    NAMESPACE: ns,
    DATABASE_URL: database.url,
    KAFKA_BROKERS: brokers.join(),
    REDIS_URL: url,
  }
  return { env, [Symbol.asyncDispose]: () => database[Symbol.asyncDispose]() }
}

/** A Roomlog as `npm start` runs it, on a data folder and ports of its own. */
export interface RunningRoomlog extends AsyncDisposable {
  readonly apiUrl: string
  readonly wsUrl: string
  readonly dataFolder: string
  /** What it has printed. */
  readonly output: () => string
  state(): Promise<RunState>
  /** kill -9; resolves when the starter has a successor running. */
  killService(name: string): Promise<void>
  /** SIGTERM to npm, or another signal; resolves with npm's exit code. The data stay until disposal. */
  stop(signal?: NodeJS.Signals): Promise<number | null>
}

export interface StartOptions {
  readonly env: Environment
  /** Of package.json; default `start`. */
  readonly script?: 'start' | 'dev'
  /** How many run; default 1. */
  readonly edges?: number
  readonly persisters?: number
  /** Goes on from these data; default: a new folder. */
  readonly dataFolder?: string
}

export async function startRoomlog(options: StartOptions): Promise<RunningRoomlog> {
  const dataFolder = options.dataFolder ?? (await newFolder())
  const { script = 'start', edges = 1, persisters = 1 } = options
  const [api, edge, persister] = [await freePort(), await freePorts(edges), await freePorts(persisters)]
  const child = spawn('npm', ['run', script], {
    cwd: ROOT,
    env: {
      PATH: process.env.PATH ?? '',
      ROOMLOG_DATA: dataFolder,
      API_PORT: String(api),
      EDGE_PORT: String(edge),
      PERSISTER_PORT: String(persister),
      EDGES: String(edges),
      PERSISTERS: String(persisters),
      // Two people who talk as fast as the tests do.
      MESSAGES_PER_SECOND: '1000',
      MESSAGE_BURST: '1000',
      ROOM_MESSAGES_PER_SECOND: '1000',
      ...options.env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
  }
  const ended = once(child, 'exit').then(([code]) => code as number | null)

  const state = async () => {
    const run = await readRunFile(dataFolder)
    if (run === undefined) throw new Error(`Roomlog does not run:\n${output}`)
    return run
  }
  const stop = async (signal: NodeJS.Signals = 'SIGTERM') => {
    child.kill(signal)
    return ended
  }
  await vi.waitFor(
    async () => {
      if (child.exitCode === null) expect((await readRunFile(dataFolder))?.ready).toBe(true)
    },
    { timeout: START_TIMEOUT_MS, interval: 100 },
  )
  if (child.exitCode !== null) throw new Error(`npm run ${script} ended with ${child.exitCode}:\n${output}`)

  return {
    apiUrl: `http://localhost:${api}`,
    wsUrl: `ws://localhost:${edge}/ws`,
    dataFolder,
    output: () => output,
    state,
    killService: async (name) => {
      const pidOf = async () => (await state()).services.find((s) => s.name === name)?.pid
      const pid = await pidOf()
      if (pid === undefined) throw new Error(`${name} does not run`)
      process.kill(pid, 'SIGKILL')
      await vi.waitFor(async () => expect([undefined, pid]).not.toContain(await pidOf()), { timeout: 30_000 })
    },
    stop,
    [Symbol.asyncDispose]: async () => {
      if (child.exitCode === null && child.signalCode === null) {
        keep('operators', await metricsOf(await readRunFile(dataFolder)))
        await stop()
      }
      keep('operators', output)
      keepFolder(join(dataFolder, 'logs'))
      await rm(dataFolder, { recursive: true, force: true })
    },
  }
}

/** All that its services count; of one that is frozen, or just being started again, nothing. */
async function metricsOf(run: RunState | undefined): Promise<string> {
  const texts = (run?.services ?? []).map(({ port }) =>
    fetch(`http://localhost:${port}/metrics`, { signal: AbortSignal.timeout(METRICS_TIMEOUT_MS) }).then(
      (answer) => answer.text(),
      () => '',
    ),
  )
  return (await Promise.all(texts)).join('\n')
}

/** The first of so many free ports in a row. */
async function freePorts(count: number): Promise<number> {
  for (;;) {
    const first = await freePort()
    const others = Array.from({ length: count - 1 }, (_, i) => first + 1 + i)
    if ((await Promise.all(others.map(isFree))).every(Boolean)) return first
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer()
  const { promise, resolve } = Promise.withResolvers<boolean>()
  server.once('error', () => resolve(false))
  server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  return promise
}

/** Open to PostgreSQL, which does not run as root: else its data would go elsewhere and stay. */
export async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'roomlog-e2e-'))
  await chmod(folder, 0o755)
  return folder
}

/** Resolves when none of them runs any more. */
export async function untilEnded(pids: readonly (number | undefined)[]): Promise<void> {
  const running = () => pids.filter((pid) => pid !== undefined && isAlive(pid))
  await vi.waitFor(() => expect(running()).toEqual([]), { timeout: 30_000, interval: 50 })
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return !isZombie(pid)
  } catch {
    return false
  }
}

/** Ended, and its new parent has not asked how. */
function isZombie(pid: number): boolean {
  try {
    return /\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}
