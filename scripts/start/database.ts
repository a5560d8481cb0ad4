import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  type EmbeddedPostgres,
  EmbeddedPostgresError,
  type EmbeddedPostgresOptions,
  startEmbeddedPostgres,
} from '@roomlog/db/embedded'
import { type DatabaseGuard, startDatabaseGuard } from './database-guard.ts'
import { StartFailure } from './failure.ts'
import type { Terminal } from './terminal.ts'

/** The embedded PostgreSQL, started again when it dies. */
export interface KeptDatabase {
  readonly url: string
  readonly description: string
  readonly pid: number
  /** While a process holds it open, the server is not stopped by the end of this one. */
  readonly guardPipe: DatabaseGuard['pipe']
  /** Rejects when it cannot be kept running; never resolves. */
  readonly lost: Promise<never>
  stop(): Promise<void>
}

const RESTART_DELAYS_MS = [500, 1_000, 2_000, 4_000, 8_000]

export async function keepDatabase(
  dataFolder: string,
  terminal: Terminal,
  onChange: () => void,
): Promise<KeptDatabase> {
  const options = { dataDir: join(dataFolder, 'postgres'), log: (line: string) => terminal.line(`  ${line}`) }
  let server = await startEmbeddedPostgres(options)
  let latest = Promise.resolve(server)
  const { url } = server
  const stopping = new AbortController()
  const guard = startDatabaseGuard()
  guard.watch(server.pid)

  const keep = async (): Promise<never> => {
    for (;;) {
      const reason = await server.died
      guard.watch(undefined)
      if (reason.code === 'disk_full') throw reason
      terminal.line('  PostgreSQL has ended, is started again')
      latest = startAgain(options, stopping.signal)
      server = await latest
      guard.watch(server.pid)
      if (server.url !== url) throw moved()
      onChange()
    }
  }
  const lost = keep()
  lost.catch(() => undefined)
  const stop = async () => {
    stopping.abort()
    // A start under way is let end: what it started must not be left running.
    await latest.then(
      (last) => last.stop(),
      () => undefined,
    )
    await guard.end()
  }
  const how = server.found ? 'was running' : server.isNew ? 'new data' : 'data kept'
  const description = `PostgreSQL ${server.version} on port ${server.port} (${how})`
  return {
    url,
    description,
    get pid() {
      return server.pid
    },
    guardPipe: guard.pipe,
    lost,
    stop,
  }
}

async function startAgain(options: EmbeddedPostgresOptions, signal: AbortSignal): Promise<EmbeddedPostgres> {
  for (let attempt = 0; ; attempt += 1) {
    await sleep(RESTART_DELAYS_MS[attempt], undefined, { signal })
    try {
      return await startEmbeddedPostgres(options)
    } catch (error) {
      const isLast = attempt === RESTART_DELAYS_MS.length - 1
      const isLasting = error instanceof EmbeddedPostgresError && error.code !== 'not_started'
      if (isLast || isLasting) throw error
    }
  }
}

function moved(): StartFailure {
  return new StartFailure(
    'database_moved',
    'PostgreSQL ended, and another program has taken its port since. Start Roomlog again: it takes another port.',
  )
}
