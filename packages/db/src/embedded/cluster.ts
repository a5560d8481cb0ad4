import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chown, mkdtemp, open, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { type Account, spawnOptions } from './account.ts'
import type { Binaries } from './binaries.ts'
import { diskFull, EmbeddedPostgresError } from './errors.ts'
import { CLUSTER, exists } from './place.ts'

const run = promisify(execFile)

export const SUPERUSER = 'postgres'
const PASSWORD_FILE = 'password'
const DRAFT_PREFIX = 'init-'
const PASSWORD_BYTES = 24

/** Makes the cluster in `folder` unless it is there. Resolves whether it did. */
export async function ensureCluster(
  folder: string,
  binaries: Binaries,
  account: Account | undefined,
): Promise<boolean> {
  await removeDrafts(folder)
  const isNew = !(await exists(join(folder, CLUSTER)))
  if (isNew) await makeCluster(folder, binaries, account)
  await checkVersion(folder, binaries)
  return isNew
}

export async function readPassword(folder: string): Promise<string> {
  try {
    return await readFile(join(folder, PASSWORD_FILE), 'utf8')
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') throw cause
    throw new EmbeddedPostgresError(
      'not_started',
      `The password of the data in ${folder} is lost: its file "${PASSWORD_FILE}" is missing. Put it back, or set ROOMLOG_DATA to a new folder.`,
      cause,
    )
  }
}

// In a draft that is renamed when complete: what an interrupted start leaves is never taken for a cluster.
async function makeCluster(folder: string, binaries: Binaries, account: Account | undefined): Promise<void> {
  const draft = await mkdtemp(join(folder, DRAFT_PREFIX))
  const passwordFile = join(draft, PASSWORD_FILE)
  await writeFile(passwordFile, randomBytes(PASSWORD_BYTES).toString('base64url'), { mode: 0o600 })
  if (account !== undefined) {
    await chown(passwordFile, account.uid, account.gid)
    await chown(draft, account.uid, account.gid)
  }
  try {
    await initdb(join(draft, CLUSTER), passwordFile, binaries, account)
    if (account !== undefined) await chown(passwordFile, 0, 0)
    await rename(passwordFile, join(folder, PASSWORD_FILE))
    await rename(join(draft, CLUSTER), join(folder, CLUSTER))
    await syncFolder(folder)
  } catch (error) {
    throw initdbFailure(error, folder)
  } finally {
    await rm(draft, { recursive: true, force: true })
  }
}

// With LC_ALL=C these are the words for ENOSPC, and the hint that comes with a write cut short.
const DISK_FULL_WORDS = /No space left on device|Check free disk space/

function initdbFailure(error: unknown, folder: string): unknown {
  const said = error instanceof Error && 'stderr' in error ? String(error.stderr) : undefined
  if (said === undefined) return error
  if (DISK_FULL_WORDS.test(said)) return diskFull(folder, error)
  const first = said.split('\n').find((line) => /\b(FATAL|error):/.test(line)) ?? said
  return new EmbeddedPostgresError(
    'not_started',
    `PostgreSQL could not make its data in ${folder} (${first.trim()}). Mend that, or set DATABASE_URL to a PostgreSQL of your own.`,
    error,
  )
}

async function initdb(
  pgdata: string,
  passwordFile: string,
  binaries: Binaries,
  account: Account | undefined,
): Promise<void> {
  const args = [
    ...['-D', pgdata, '-U', SUPERUSER, `--pwfile=${passwordFile}`, '--auth=scram-sha-256', '--encoding=UTF8'],
    // The builtin provider folds the case of all letters, and sorts alike on every system.
    ...['--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8', '--no-instructions'],
  ]
  await run(binaries.initdb, args, spawnOptions(account))
}

async function removeDrafts(folder: string): Promise<void> {
  const names = await readdir(folder)
  const drafts = names.filter((name) => name.startsWith(DRAFT_PREFIX))
  await Promise.all(drafts.map((name) => rm(join(folder, name), { recursive: true, force: true })))
}

async function checkVersion(folder: string, binaries: Binaries): Promise<void> {
  const written = (await readFile(join(folder, CLUSTER, 'PG_VERSION'), 'utf8')).trim()
  const [major] = binaries.version.split('.')
  if (written === major) return
  throw new EmbeddedPostgresError(
    'other_version',
    `The data in ${folder} were written by PostgreSQL ${written}, and this is PostgreSQL ${binaries.version}. Set ROOMLOG_DATA to a new folder, or DATABASE_URL to a PostgreSQL ${written} on these data.`,
  )
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder)
  await handle.sync().finally(() => handle.close())
}
