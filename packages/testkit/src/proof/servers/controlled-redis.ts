import { join } from 'node:path'
import { Redis } from 'ioredis'
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

export interface ControlledRedisOptions extends ControlledServerOptions {
  /** Keeps what was written; default false: kill -9 and stop lose everything, as with the settings for production. */
  readonly durable?: boolean
}

export interface ControlledRedis extends ControlledServer {
  readonly url: string
  flushAll(): Promise<void>
}

/** A `redis-server` found on PATH. */
export async function controlledRedis(options: ControlledRedisOptions = {}): Promise<ControlledRedis> {
  await using stack = new AsyncDisposableStack()
  const home = stack.use(await keptFolder('roomlog-proof-redis', options.folder))
  const port = await freePort()
  const url = `redis://127.0.0.1:${port}`
  const durability = options.durable
    ? ['--appendonly', 'yes', '--appendfsync', 'always']
    : ['--appendonly', 'no']
  const server = stack.use(
    controlledProcess({
      ...{ name: 'Redis', command: 'redis-server', cwd: home.path, log: join(home.path, 'server.log') },
      args: ['--port', String(port), '--bind', '127.0.0.1', '--save', '', ...durability],
      onUnexpectedEnd: options.onUnexpectedEnd,
    }),
  )
  const ready = (timeoutMs?: number) =>
    untilReady('Redis', [server], () => ask(url, async (client) => void (await client.ping())), timeoutMs)
  await server.start()
  await ready()
  const everything = stack.move()
  return withControls(server, {
    url,
    ready,
    flushAll: () => ask(url, async (client) => void (await client.flushall())),
    [Symbol.asyncDispose]: () => everything.disposeAsync(),
  })
}

async function ask(url: string, question: (client: Redis) => Promise<void>): Promise<void> {
  const client = new Redis(url, {
    lazyConnect: true,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
    connectTimeout: PROBE_TIMEOUT_MS,
    commandTimeout: PROBE_TIMEOUT_MS,
  })
  client.on('error', () => undefined)
  try {
    await client.connect()
    await question(client)
  } finally {
    client.disconnect()
  }
}
