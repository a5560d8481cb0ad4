import { chmod, mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type PreparedPostgres, prepareEmbeddedPostgres } from '@roomlog/db/embedded'
import { Client } from 'pg'
import { freePort } from '../../free-port.ts'
import { controlledProcess } from './controlled-process.ts'
import {
  type ControlledServer,
  type ControlledServerOptions,
  untilReady,
  withControls,
} from './controlled-server.ts'
import { keptFolder } from './kept.ts'

const PROBE_TIMEOUT_MS = 1000
/** PostgreSQL refuses to run as root, and its account has to come through folders of this user. */
const ENTERABLE = 0o711

const SETTINGS = { fsync: 'on', synchronous_commit: 'on', max_connections: '300' } as const

export interface ControlledPostgres extends ControlledServer {
  /** Of the superuser. */
  readonly url: string
  /**
   * `fast` ends sessions and writes a checkpoint, `immediate` leaves the rest to recovery. Resolves when it is started
   * again: see `ready`.
   */
  restart(how: 'fast' | 'immediate'): Promise<void>
}

/** The embedded PostgreSQL on new data. */
export async function controlledPostgres(options: ControlledServerOptions = {}): Promise<ControlledPostgres> {
  await using stack = new AsyncDisposableStack()
  // Its log is elsewhere, so that it can be read when the disk with the data is full.
  const home = stack.use(await keptFolder('roomlog-proof-postgres'))
  const place = stack.use(await keptFolder('roomlog-proof-postgres-data', options.folder))
  const prepared = await prepare(place.path)
  const port = await freePort()
  const url = prepared.url(port)
  const { file, args, options: identity } = prepared.command(port, SETTINGS)
  const server = stack.use(
    controlledProcess({
      ...identity,
      name: 'PostgreSQL',
      command: file,
      args,
      log: join(home.path, 'server.log'),
      stopSignal: 'SIGINT',
      beforeStart: prepared.beforeStart,
      onUnexpectedEnd: options.onUnexpectedEnd,
    }),
  )
  const ready = (timeoutMs?: number) => untilReady('PostgreSQL', [server], () => probe(url), timeoutMs)
  await server.start()
  await ready()
  // Not SIGKILL, which would leave a segment of shared memory behind.
  stack.defer(() => server.kill('SIGQUIT'))
  const everything = stack.move()
  return withControls(server, {
    url,
    ready,
    restart: async (how: 'fast' | 'immediate') => {
      await server.kill(how === 'fast' ? 'SIGINT' : 'SIGQUIT')
      await server.start()
    },
    [Symbol.asyncDispose]: () => everything.disposeAsync(),
  })
}

async function prepare(folder: string): Promise<PreparedPostgres> {
  await chmod(folder, ENTERABLE)
  const dataDir = join(folder, 'data')
  await mkdir(dataDir, { mode: ENTERABLE })
  const prepared = await prepareEmbeddedPostgres({ dataDir })
  if (prepared.dataDir === dataDir) return prepared
  await rm(prepared.dataDir, { recursive: true, force: true })
  throw new Error(`PostgreSQL cannot come to ${folder}, because a folder above it is closed`)
}

async function probe(url: string): Promise<void> {
  const client = new Client({
    connectionString: url,
    connectionTimeoutMillis: PROBE_TIMEOUT_MS,
    query_timeout: PROBE_TIMEOUT_MS,
  })
  client.on('error', () => undefined)
  try {
    await client.connect()
    await client.query('SELECT 1')
  } finally {
    void client.end().catch(() => undefined)
  }
}
