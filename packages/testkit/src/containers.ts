import { type GenericContainer, getContainerRuntimeClient, type StartedTestContainer } from 'testcontainers'
import type { StartedServer } from './ladder.ts'

/** The host under which a container's ports are reached. Throws where no container engine answers. */
export async function containerHost(): Promise<string> {
  try {
    return (await getContainerRuntimeClient()).info.containerRuntime.host
  } catch (cause) {
    throw new Error('no container engine answers', { cause })
  }
}

/** Starts `container`; `url` makes the connection URL once ports are known. */
export async function startContainer(
  image: string,
  container: GenericContainer,
  url: (started: StartedTestContainer) => string,
): Promise<StartedServer> {
  await containerHost()
  try {
    const started = await container.start()
    return { what: image, urls: [url(started)], stop: async () => void (await started.stop()) }
  } catch (cause) {
    throw new Error(`the container ${image} did not start (${firstLine(cause)})`, { cause })
  }
}

export function firstLine(error: unknown): string {
  return String(error instanceof Error ? error.message : error).split('\n', 1)[0] ?? ''
}
