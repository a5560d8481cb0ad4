import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Account, spawnOptions } from './account.ts'
import type { Binaries } from './binaries.ts'
import { diskFull, EmbeddedPostgresError } from './errors.ts'
import { CLUSTER } from './place.ts'
import { choosePort, isFree, rememberPort } from './port.ts'
import { disownStalePidFile, type Postmaster, stopPostmaster, waitUntilReady } from './postmaster.ts'
import { diskIsFull, hasState, LOG_LINE_PREFIX, logTail, serverLog, withNewLog } from './server-log.ts'

const DISK_FULL = '53100'
/** "lock file exists", also said while processes of a killed server are still ending. */
const LOCK_FILE_EXISTS = 'F0001'

/** Recovery after a crash replays up to `max_wal_size`. */
const READY_TIMEOUT_MS = 120_000
const LEFTOVERS_TIMEOUT_MS = 15_000
const RETRY_DELAY_MS = 200

const SETTINGS: Readonly<Record<string, string>> = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  fsync: 'on',
  synchronous_commit: 'on',
  max_connections: '200',
  shared_buffers: '128MB',
  jit: 'off',
  logging_collector: 'off',
  log_line_prefix: LOG_LINE_PREFIX,
  log_checkpoints: 'off',
  lc_messages: 'C',
  timezone: 'UTC',
  log_timezone: 'UTC',
}

/** Starts a server on the folder's data and waits until it takes connections. */
export async function launch(
  folder: string,
  binaries: Binaries,
  account: Account | undefined,
): Promise<Postmaster> {
  const deadline = Date.now() + LEFTOVERS_TIMEOUT_MS
  for (;;) {
    const port = await choosePort(folder)
    await disownStalePidFile(folder)
    const ready = await launchOnce(folder, port, binaries, account)
    if (ready !== undefined) {
      await rememberPort(folder, port)
      return ready
    }
    const leftovers = hasState(await logTail(folder), LOCK_FILE_EXISTS)
    const mayPass = leftovers || !(await isFree(port))
    if (!mayPass || Date.now() > deadline) throw await whyEnded(folder, 'not_started')
    await sleep(RETRY_DELAY_MS)
  }
}

async function launchOnce(
  folder: string,
  port: number,
  binaries: Binaries,
  account: Account | undefined,
): Promise<Postmaster | undefined> {
  const server = await withNewLog(folder, (log) => spawnServer(folder, port, binaries, account, log))
  const failed = once(server, 'error').then(([error]) => Promise.reject(error))
  const { pid } = server
  if (pid === undefined) return failed
  failed.catch(() => undefined)
  // Whoever waits for it looks at the process itself, as with a server that another start left running.
  server.unref()
  try {
    return await waitUntilReady(folder, pid, READY_TIMEOUT_MS)
  } catch (error) {
    await stopPostmaster(folder, pid)
    throw error
  }
}

// In a process group of its own: Ctrl-C in the terminal must not end it before the services have drained.
function spawnServer(
  folder: string,
  port: number,
  binaries: Binaries,
  account: Account | undefined,
  log: number,
): ChildProcess {
  return spawn(binaries.postgres, serverArgs(folder, port), {
    ...spawnOptions(account),
    detached: true,
    stdio: ['ignore', log, log],
  })
}

/** The server's command line; `changed` settings stand instead of the usual ones. */
export function serverArgs(
  folder: string,
  port: number,
  changed: Readonly<Record<string, string>> = {},
): readonly string[] {
  const settings = Object.entries({ ...SETTINGS, ...changed })
  return [
    ...['-D', join(folder, CLUSTER), '-p', String(port)],
    ...settings.flatMap(([name, value]) => ['-c', `${name}=${value}`]),
  ]
}

/** Why the server is no more, from its log and the disk. */
export async function whyEnded(
  folder: string,
  otherwise: 'not_started' | 'died',
): Promise<EmbeddedPostgresError> {
  const lines = await logTail(folder)
  if (hasState(lines, DISK_FULL) || (await diskIsFull(folder))) return diskFull(folder)
  if (hasState(lines, LOCK_FILE_EXISTS)) {
    return new EmbeddedPostgresError(
      'locked',
      `Another PostgreSQL still uses the data in ${folder}. End it, or set ROOMLOG_DATA to another folder.`,
    )
  }
  const last = lines.findLast((line) => /\b(PANIC|FATAL):/.test(line)) ?? lines.at(-1) ?? ''
  const said = last.replace(/^.*?\] \w{5} /, '').trim()
  return new EmbeddedPostgresError(
    otherwise,
    `PostgreSQL ended (${said || 'it left no message'}). Look into ${serverLog(folder)}, or set DATABASE_URL to a PostgreSQL of your own.`,
  )
}
