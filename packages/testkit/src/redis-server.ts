import { GenericContainer, Wait } from 'testcontainers'
import { startContainer } from './containers.ts'
import { freePort } from './free-port.ts'
import type { StartedServer } from './ladder.ts'
import { startNative } from './native.ts'

const IMAGE = 'redis:7'
const PORT = 6379
const READY_LINE = 'Ready to accept connections'

export function startRedisContainer(): Promise<StartedServer> {
  const container = new GenericContainer(IMAGE)
    .withExposedPorts(PORT)
    .withWaitStrategy(Wait.forLogMessage(READY_LINE))
  return startContainer(IMAGE, container, (it) => `redis://${it.getHost()}:${it.getMappedPort(PORT)}`)
}

/** A `redis-server` found on PATH. */
export async function startNativeRedis(): Promise<StartedServer> {
  const port = await freePort()
  const url = `redis://127.0.0.1:${port}`
  const options = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no']
  const server = await startNative('redis-server', options, { readyLine: READY_LINE })
  return { what: 'redis-server', urls: [url], stop: server.stop }
}
