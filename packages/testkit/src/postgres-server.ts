import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { GenericContainer, Wait } from 'testcontainers'
import { firstLine, startContainer } from './containers.ts'
import type { StartedServer } from './ladder.ts'

const IMAGE = 'postgres:15'
const PORT = 5432
const PASSWORD = 'test'
const MAX_CONNECTIONS = 300

// The embedded server outlives its starter on purpose. Standard input ends when this process does.
const GUARD = `
read -r _
kill -INT "$1" 2>/dev/null && while kill -0 "$1" 2>/dev/null; do sleep 0.1; done
shift
rm -rf "$@"`

export function startPostgresContainer(): Promise<StartedServer> {
  const container = new GenericContainer(IMAGE)
    .withEnvironment({ POSTGRES_PASSWORD: PASSWORD })
    // No suite that shares this server crashes its machine, the one thing fsync is for.
    .withCommand(['postgres', '-c', 'fsync=off', '-c', `max_connections=${MAX_CONNECTIONS}`])
    .withExposedPorts(PORT)
    // Twice: the first is the server that sets the cluster up and then stops.
    .withWaitStrategy(Wait.forLogMessage('database system is ready to accept connections', 2))
  return startContainer(
    IMAGE,
    container,
    (it) => `postgres://postgres:${PASSWORD}@${it.getHost()}:${it.getMappedPort(PORT)}/postgres`,
  )
}

/** The embedded server of `@roomlog/db`, on data of its own. */
export async function startNativePostgres(): Promise<StartedServer> {
  const dataDir = await mkdtemp(join(tmpdir(), 'roomlog-test-postgres-'))
  const removeFolder = (folder: string) => rm(folder, { recursive: true, force: true })
  try {
    const { startEmbeddedPostgres } = await import('@roomlog/db/embedded')
    const server = await startEmbeddedPostgres({ dataDir })
    // The data are elsewhere when the account PostgreSQL runs as cannot reach the folder asked for.
    const folders = [...new Set([dataDir, server.dataDir])]
    const guard = spawn('/bin/sh', ['-c', GUARD, 'sh', String(server.pid), ...folders], {
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
    })
    const stop = async () => {
      await server.stop()
      guard.kill('SIGKILL')
      await Promise.all(folders.map(removeFolder))
    }
    return { what: `embedded PostgreSQL ${server.version}`, urls: [server.url], stop }
  } catch (cause) {
    await removeFolder(dataDir)
    throw new Error(`embedded PostgreSQL did not start (${firstLine(cause)})`, { cause })
  }
}
