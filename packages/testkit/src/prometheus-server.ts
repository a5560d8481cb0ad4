import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { GenericContainer, Wait } from 'testcontainers'
import { containerHost, firstLine, startContainer } from './containers.ts'
import { freePort } from './free-port.ts'
import type { StartedServer } from './ladder.ts'
import { startNative } from './native.ts'

const IMAGE = 'prom/prometheus:v2.53.3'
const FOLDER = '/etc/prometheus'
const READY_LINE = 'Server is ready to receive web requests'

/** Files by their paths below the server's folder; one is `prometheus.yml`. */
export type PrometheusFiles = Readonly<Record<string, string>>

/** How a command of `promtool` ended, and all it printed. */
export type ToolRun = { readonly code: number; readonly output: string }

export type StartedPrometheus = {
  readonly url: string
  readonly promtool: (args: readonly string[]) => Promise<ToolRun>
  readonly stop: () => Promise<void>
}

const run = promisify(execFile)

/** Finds out by starting one whether the image can be had. */
export async function findPrometheusImage(): Promise<StartedServer> {
  const container = new GenericContainer(IMAGE).withWaitStrategy(Wait.forLogMessage(READY_LINE))
  const { stop } = await startContainer(IMAGE, container, () => '')
  await stop()
  return { what: IMAGE, urls: [IMAGE], stop: async () => undefined }
}

/** A `prometheus` and a `promtool` found on PATH. */
export async function findPrometheusProgram(): Promise<StartedServer> {
  for (const program of ['prometheus', 'promtool']) {
    await run(program, ['--version']).catch((cause: unknown) => {
      throw new Error(`${program} did not start (${firstLine(cause)})`, { cause })
    })
  }
  return { what: 'prometheus', urls: ['prometheus'], stop: async () => undefined }
}

function optionsFor(address: string, folder: string): readonly string[] {
  return [`--config.file=${folder}prometheus.yml`, `--web.listen-address=${address}`]
}

export async function startPrometheusContainer(files: PrometheusFiles): Promise<StartedPrometheus> {
  const address = `127.0.0.1:${await freePort()}`
  const container = await new GenericContainer(IMAGE)
    // What it is to look at listens on this machine's own address.
    .withNetworkMode('host')
    .withCopyContentToContainer(
      Object.entries(files).map(([path, content]) => ({ content, target: `${FOLDER}/${path}` })),
    )
    .withCommand([...optionsFor(address, `${FOLDER}/`), '--storage.tsdb.path=/prometheus'])
    .withWaitStrategy(Wait.forLogMessage(READY_LINE))
    .start()
  return {
    url: `http://${address.replace('127.0.0.1', await containerHost())}`,
    promtool: async (args) => {
      const { exitCode, output } = await container.exec(['promtool', ...args], { workingDir: FOLDER })
      return { code: exitCode, output }
    },
    stop: async () => void (await container.stop()),
  }
}

export async function startNativePrometheus(files: PrometheusFiles): Promise<StartedPrometheus> {
  const folder = await mkdtemp(join(tmpdir(), 'roomlog-test-prometheus-'))
  try {
    for (const [path, content] of Object.entries(files)) {
      await mkdir(dirname(join(folder, path)), { recursive: true })
      await writeFile(join(folder, path), content)
    }
    const address = `127.0.0.1:${await freePort()}`
    // Said, because packages have made it a folder that outlives the server.
    const options = [...optionsFor(address, ''), '--storage.tsdb.path=data']
    const { stop } = await startNative('prometheus', options, { readyLine: READY_LINE, folder })
    const promtool = async (args: readonly string[]) => {
      const ended = await run('promtool', [...args], { cwd: folder }).catch((error) => error)
      return { code: ended.code ?? 0, output: `${ended.stdout}${ended.stderr}` }
    }
    return { url: `http://${address}`, promtool, stop }
  } catch (error) {
    await rm(folder, { recursive: true, force: true })
    throw error
  }
}
