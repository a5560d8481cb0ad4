import { text } from 'node:stream/consumers'
import { getContainerRuntimeClient } from 'testcontainers'
import { until } from '../chaos/until.ts'

const READY_PATIENCE_MS = 120_000
/** Above a drain; the engine then kills what still runs. */
const STOP_GRACE_S = 20

/** A container of one image, as an orchestrator that allows nothing would run it. */
export interface ImageRun extends AsyncDisposable {
  /** Resolves when the image's own check finds it ready. */
  ready(): Promise<void>
  /** All that it has said until now. */
  output(): Promise<string>
  /** Standard output of a program in it; rejects when that fails. */
  run(...command: readonly string[]): Promise<string>
  /** SIGTERM, and SIGKILL when it takes too long; resolves with the exit code: 137 for the latter. */
  stop(): Promise<number>
  /** Resolves with the exit code and all that it has said when it has ended by itself. */
  ended(): Promise<{ readonly code: number; readonly output: string }>
}

export interface ImageRunOptions {
  readonly image: string
  readonly env?: Readonly<Record<string, string>>
  readonly network?: string
  /** Behind an init process of the engine's own, instead of as process 1. */
  readonly init?: boolean
}

export async function runImage({
  image,
  env = {},
  network = 'none',
  init = false,
}: ImageRunOptions): Promise<ImageRun> {
  const engine = (await getContainerRuntimeClient()).container.dockerode
  const container = await engine.createContainer({
    Image: image,
    Env: Object.entries(env).map(([name, value]) => `${name}=${value}`),
    HostConfig: {
      Init: init,
      NetworkMode: network,
      ReadonlyRootfs: true,
      CapDrop: ['ALL'],
      SecurityOpt: ['no-new-privileges'],
      Memory: 512 * 1024 * 1024,
    },
  })
  await container.start()
  const output = async () => String(await container.logs({ stdout: true, stderr: true }))
  return {
    ready: async () => {
      await until(`${image} is ready`, () => isReady(container), READY_PATIENCE_MS).catch(
        async (error: Error) => {
          throw new Error(`${error.message}:\n${await output()}`)
        },
      )
    },
    output,
    run: async (...command) => {
      const { code, said } = await exec(container, command)
      if (code !== 0) throw new Error(`${command.join(' ')} ended with ${code}: ${said}`)
      return said
    },
    stop: async () => {
      await container.stop({ t: STOP_GRACE_S })
      return (await container.inspect()).State.ExitCode
    },
    ended: async () => {
      const { StatusCode: code } = await container.wait()
      return { code, output: await output() }
    },
    [Symbol.asyncDispose]: () => container.remove({ force: true }),
  }
}

type Client = Awaited<ReturnType<typeof getContainerRuntimeClient>>
type Container = ReturnType<Client['container']['dockerode']['getContainer']>

/** Whether the service in it says that traffic may come. */
export async function isReady(container: Container): Promise<boolean> {
  return (await exec(container, ['healthcheck', '/readyz'])).code === 0
}

async function exec(container: Container, command: readonly string[]) {
  const started = await container.exec({ Cmd: [...command], AttachStdout: true, Tty: true })
  const said = await text(await started.start({ Tty: true }))
  return { code: (await started.inspect()).ExitCode, said }
}
