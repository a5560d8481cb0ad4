import { randomBytes } from 'node:crypto'
import { appendFile, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseEnv } from 'node:util'
import { freePort, keep } from '@roomlog/testkit'
import { DockerComposeEnvironment, getContainerRuntimeClient } from 'testcontainers'
import { until } from '../chaos/until.ts'
import { completeSecrets } from '../secrets/env-file.ts'
import { isReady } from './image-run.ts'
import { ROOT } from './running-roomlog.ts'

const HEALTHY_PATIENCE_MS = 240_000
/** So many people register and connect at once from one address, and no limit is what is tested. */
const LOAD_SETTINGS = {
  REGISTRATIONS_PER_MINUTE: '1000000',
  LOGINS_PER_MINUTE: '1000000',
  HANDSHAKES_PER_SECOND: '100000',
  HANDSHAKE_BURST: '100000',
  MESSAGES_PER_SECOND: '1000',
  MESSAGE_BURST: '1000',
  ROOM_MESSAGES_PER_SECOND: '1000',
}
const SERVICES = ['persister-1', 'persister-2', 'ws-edge-1', 'ws-edge-2', 'api']
const IMAGES = ['ws-edge', 'persister', 'api', 'tools', 'proxy'] as const

/** All of `docker compose --profile app`, built from this checkout, under names and on ports of its own. */
export interface ComposedRoomlog extends AsyncDisposable {
  /** Of the proxy. */
  readonly apiUrl: string
  readonly wsUrl: string
  /** Where the servers can be reached by the names of their services. */
  readonly network: string
  /** What `npm run secrets` made. */
  readonly secrets: Readonly<Record<string, string | undefined>>
  /** What an operator on this machine sets to work with the servers. */
  readonly operatorEnv: Readonly<Record<string, string>>
  image(name: (typeof IMAGES)[number]): string
  /** As `docker compose restart`; resolves with the exit code once it is healthy again. */
  restart(service: string): Promise<number>
  /** Resolves when every service says that traffic may come. */
  ready(): Promise<void>
}

export async function composeRoomlog(): Promise<ComposedRoomlog> {
  await using stack = new AsyncDisposableStack()
  const tag = `e2e-${randomBytes(5).toString('hex')}`
  const project = `roomlog-${tag}`
  const { file, ports } = await environmentFile(stack, tag)
  const engine = (await getContainerRuntimeClient()).container.dockerode
  const image = (name: string) => `roomlog/${name}:${tag}`
  // What was built stays in the builder's cache.
  stack.defer(
    async () => void (await Promise.allSettled(IMAGES.map((it) => engine.getImage(image(it)).remove()))),
  )
  const environment = await new DockerComposeEnvironment(ROOT, 'docker-compose.yml')
    .withProjectName(project)
    .withProfiles('app')
    .withEnvironmentFile(file)
    .withBuild()
    .withClientOptions({ commandOptions: ['--wait'] })
    .up()
  stack.defer(async () => void (await environment.down({ removeVolumes: true })))

  const secrets = parseEnv(await readFile(file, 'utf8'))
  const container = (service: string) => engine.getContainer(`${project}-${service}-1`)
  stack.defer(async () => {
    for (const service of SERVICES)
      keep('operators', await container(service).logs({ stdout: true, stderr: true }))
  })
  const everything = stack.move()
  return {
    apiUrl: `http://127.0.0.1:${ports.ROOMLOG_PORT}`,
    wsUrl: `ws://127.0.0.1:${ports.ROOMLOG_PORT}/ws`,
    network: `${project}_default`,
    secrets,
    operatorEnv: {
      ENGINE: 'full',
      DATABASE_URL: `postgres://roomlog:${secrets.POSTGRES_PASSWORD}@127.0.0.1:${ports.POSTGRES_PORT}/roomlog`,
      KAFKA_BROKERS: `127.0.0.1:${ports.KAFKA_PORT}`,
    },
    image,
    restart: async (service) => {
      await container(service).stop()
      const { ExitCode } = (await container(service).inspect()).State
      await container(service).start()
      const isHealthy = async () => (await container(service).inspect()).State.Health?.Status === 'healthy'
      await until(`${service} is healthy`, isHealthy, HEALTHY_PATIENCE_MS)
      return ExitCode
    },
    ready: async () => {
      const areReady = async () =>
        (await Promise.all(SERVICES.map((it) => isReady(container(it))))).every(Boolean)
      await until('all services are ready', areReady, HEALTHY_PATIENCE_MS)
    },
    [Symbol.asyncDispose]: () => everything.disposeAsync(),
  }
}

async function environmentFile(stack: AsyncDisposableStack, tag: string) {
  const folder = await mkdtemp(join(tmpdir(), 'roomlog-compose-'))
  stack.defer(() => rm(folder, { recursive: true, force: true }))
  const file = join(folder, '.env')
  await completeSecrets(file)
  const ports = {
    ROOMLOG_PORT: await freePort(),
    POSTGRES_PORT: await freePort(),
    REDIS_PORT: await freePort(),
    KAFKA_PORT: await freePort(),
  }
  const settings = Object.entries({ ROOMLOG_TAG: tag, ...ports, ...LOAD_SETTINGS })
  await appendFile(file, settings.map(([name, value]) => `${name}=${value}\n`).join(''))
  return { file, ports }
}
