import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { chooseAccount, isRoot, spawnOptions } from './embedded/account.ts'
import { findBinaries } from './embedded/binaries.ts'
import { ensureCluster, readPassword, SUPERUSER } from './embedded/cluster.ts'
import { asEmbeddedPostgresError, EmbeddedPostgresError } from './embedded/errors.ts'
import { type FolderLock, takeFolderLock } from './embedded/folder-lock.ts'
import { launch, serverArgs, whyEnded } from './embedded/launch.ts'
import { CLUSTER, checkReachable, existingPlace, makeFolder, newPlace } from './embedded/place.ts'
import { ADDRESS } from './embedded/port.ts'
import {
  disownStalePidFile,
  type Postmaster,
  runningPostmaster,
  stopPostmaster,
  waitUntilEnded,
  waitUntilReady,
  watchPostmaster,
} from './embedded/postmaster.ts'
import { boundLog } from './embedded/server-log.ts'

export { EmbeddedPostgresError, type EmbeddedPostgresErrorCode } from './embedded/errors.ts'
export { type FolderLock, takeFolderLock } from './embedded/folder-lock.ts'

export interface EmbeddedPostgresOptions {
  /** PostgreSQL's own folder: data, password, port and log; made when missing. */
  readonly dataDir: string
  /** Told what a person should know: whom it runs as, and where the data are when not in `dataDir`. */
  readonly log?: (line: string) => void
}

export interface EmbeddedPostgres {
  /** With the superuser's password. */
  readonly url: string
  readonly port: number
  readonly pid: number
  /** As in `18.4`. */
  readonly version: string
  /** Where the data really are. */
  readonly dataDir: string
  /** The server ran already; it is stopped by `stop` all the same. */
  readonly found: boolean
  /** The data are new. */
  readonly isNew: boolean
  /** Resolves with the reason when the server ends without `stop`; stays open otherwise. */
  readonly died: Promise<EmbeddedPostgresError>
  /** Ends sessions, writes a checkpoint, and resolves when the server has ended; harder after 30 s. */
  stop(): Promise<void>
}

const LOCK_TIMEOUT_MS = 150_000
const LOCK_POLL_MS = 100
const STOPPING_TIMEOUT_MS = 60_000

/**
 * Starts PostgreSQL on `dataDir` on a free port of 127.0.0.1, or finds the server that runs on it. The server outlives
 * this process unless stopped. Throws `EmbeddedPostgresError`.
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  try {
    const asked = await makeFolder(options.dataDir)
    const lock = await waitForLock(join(asked, 'start.lock'))
    try {
      return await start(asked, options.log ?? (() => undefined))
    } finally {
      await lock.release()
    }
  } catch (error) {
    throw asEmbeddedPostgresError(error, options.dataDir)
  }
}

export interface PreparedPostgres {
  /** Where the data really are. */
  readonly dataDir: string
  /** With the superuser's password. */
  readonly url: (port: number) => string
  /** For `spawn`; `settings` stand instead of the usual ones. */
  readonly command: (
    port: number,
    settings?: Readonly<Record<string, string>>,
  ) => {
    readonly file: string
    readonly args: readonly string[]
    readonly options: ReturnType<typeof spawnOptions>
  }
  /** To be called before each start by the process that will be the server's parent: see `disownStalePidFile`. */
  readonly beforeStart: () => Promise<void>
}

/**
 * Makes the data in `dataDir` when missing, for a caller that runs the server itself, as tests do that kill it. Throws
 * `EmbeddedPostgresError`.
 */
export async function prepareEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<PreparedPostgres> {
  try {
    const place = await prepare(await makeFolder(options.dataDir), options.log ?? (() => undefined))
    const { folder, account, binaries } = place
    return {
      dataDir: folder,
      url: await urls(folder),
      command: (port, settings) => ({
        file: binaries.postgres,
        args: serverArgs(folder, port, settings),
        options: spawnOptions(account),
      }),
      beforeStart: () => disownStalePidFile(folder),
    }
  } catch (error) {
    throw asEmbeddedPostgresError(error, options.dataDir)
  }
}

async function start(asked: string, log: (line: string) => void): Promise<EmbeddedPostgres> {
  const { folder, account, binaries, isNew } = await prepare(asked, log)
  const running = await findRunning(folder)
  const server = running ?? (await launch(folder, binaries, account))
  const url = (await urls(folder))(server.port)
  const { version } = binaries
  return { ...handle(folder, server), url, version, dataDir: folder, found: running !== undefined, isNew }
}

async function urls(folder: string): Promise<(port: number) => string> {
  const password = await readPassword(folder)
  return (port) => `postgres://${SUPERUSER}:${password}@${ADDRESS}:${port}/postgres`
}

async function prepare(asked: string, log: (line: string) => void) {
  const existing = await existingPlace(asked, isRoot())
  const account = await chooseAccount(existing && join(existing, CLUSTER))
  const folder = existing ?? (await newPlace(asked, account))
  await checkReachable(folder, account)
  if (account !== undefined) log(`PostgreSQL does not run as root: it runs as ${account.name}`)
  if (folder !== asked) {
    log(
      `PostgreSQL's data are in ${folder}, because the folders above ${asked} are closed to it; the system may clean that place: set ROOMLOG_DATA to keep data`,
    )
  }
  const binaries = await findBinaries(account, log)
  return { folder, account, binaries, isNew: await ensureCluster(folder, binaries, account) }
}

/** The ready server on the folder's data; one that is just stopping is waited for. */
async function findRunning(folder: string): Promise<Postmaster | undefined> {
  const found = await runningPostmaster(folder)
  if (found === undefined) return undefined
  if (found.status === 'stopping') {
    await waitUntilEnded(folder, found.pid, STOPPING_TIMEOUT_MS)
    return undefined
  }
  return waitUntilReady(folder, found.pid, STOPPING_TIMEOUT_MS)
}

function handle(folder: string, { pid, port }: Postmaster) {
  const watch = new AbortController()
  const unbound = boundLog(folder)
  const { promise: died, resolve } = Promise.withResolvers<EmbeddedPostgresError>()
  watchPostmaster(folder, pid, watch.signal)
    .then(async () => watch.signal.aborted || resolve(await whyEnded(folder, 'died')))
    .catch((error) => resolve(asEmbeddedPostgresError(error, folder)))
    .finally(unbound)
  let stopped: Promise<void> | undefined
  const stop = () => {
    watch.abort()
    stopped ??= stopPostmaster(folder, pid)
    return stopped
  }
  return { pid, port, died, stop }
}

async function waitForLock(path: string): Promise<FolderLock> {
  const deadline = Date.now() + LOCK_TIMEOUT_MS
  for (;;) {
    const lock = await takeFolderLock(path)
    if ('release' in lock) return lock
    if (Date.now() > deadline) {
      throw new EmbeddedPostgresError(
        'locked',
        `Process ${lock.heldBy} has been starting PostgreSQL on these data for long (${path}). End it, or set ROOMLOG_DATA to another folder.`,
      )
    }
    await sleep(LOCK_POLL_MS)
  }
}
