import { createHash } from 'node:crypto'
import { access, chmod, mkdir, realpath, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { type Account, tryAs } from './account.ts'
import { EmbeddedPostgresError } from './errors.ts'
import { makeSafeFolder, temporaryFolders } from './safe-folder.ts'

/** What PostgreSQL owns inside a data folder. */
export const CLUSTER = 'pgdata'

/**
 * Where the data of `asked` are or can be: there, or, when this process is root and the account that PostgreSQL must run
 * as cannot enter, in a temporary folder named after it. Existing data are never passed over for an empty folder.
 */
export async function existingPlace(asked: string, asRoot: boolean): Promise<string | undefined> {
  for (const folder of asRoot ? [asked, ...substitutes(asked)] : [asked]) {
    if (await exists(join(folder, CLUSTER))) return folder
  }
  return undefined
}

export async function newPlace(asked: string, account: Account | undefined): Promise<string> {
  if (account === undefined || (await openTo(account, asked))) return asked
  for (const folder of substitutes(asked)) {
    if ((await makeSafeFolder(folder)) && (await openTo(account, folder))) return folder
  }
  throw closedTo(account, asked)
}

/** Throws unless the account can enter the folder, which has its data. */
export async function checkReachable(folder: string, account: Account | undefined): Promise<void> {
  if (account !== undefined && !(await openTo(account, folder))) throw closedTo(account, folder)
}

/** Makes the folder and resolves its path without symbolic links. */
export async function makeFolder(path: string): Promise<string> {
  await mkdir(path, { recursive: true })
  return realpath(path)
}

function substitutes(asked: string): readonly string[] {
  const name = `roomlog-${createHash('sha256').update(asked).digest('hex').slice(0, 16)}`
  return temporaryFolders().map((folder) => join(folder, name))
}

async function openTo(account: Account, folder: string): Promise<boolean> {
  const { mode } = await stat(folder)
  if ((mode & 0o001) === 0) await chmod(folder, (mode & 0o777) | 0o011)
  return (await tryAs(account, 'cd "$1" && echo in', folder)) !== undefined
}

function closedTo(account: Account, folder: string): EmbeddedPostgresError {
  return new EmbeddedPostgresError(
    'folder_closed',
    `PostgreSQL does not run as root, and ${account.name} cannot enter ${folder}. Open the folders above it to all (chmod o+x), or set ROOMLOG_DATA to another place.`,
  )
}

export async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return false
      throw error
    },
  )
}
