import { execFile } from 'node:child_process'
import { mkdir, readdir, readFile, readlink, rm, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { newFolder, ROOT } from './running-roomlog.ts'

const run = promisify(execFile)
const OUTPUT = { maxBuffer: 64 * 1024 * 1024 }
/** Whose packages are in the checkout itself. */
const SCOPE = '@roomlog'

/** The version before this one, as it can be run: a checkout with its dependencies. */
export interface Previous extends AsyncDisposable {
  readonly root: string
}

/** The last release or, as long as there is none, the commit from which is upgraded. */
async function previousCommit(): Promise<string> {
  return (await readFile(join(ROOT, 'scripts/test/previous-version'), 'utf8')).trim()
}

/** Why the previous version cannot be had, as in a shallow clone; undefined where it can. */
export async function noPrevious(): Promise<string | undefined> {
  const commit = await previousCommit()
  try {
    await run('git', ['-C', ROOT, 'cat-file', '-e', `${commit}^{commit}`])
    return undefined
  } catch {
    return `${commit} is not in this clone: git fetch --unshallow`
  }
}

export async function checkOutPrevious(): Promise<Previous> {
  const commit = await previousCommit()
  const root = await newFolder()
  const archive = join(root, 'archive.tar')
  await run('git', ['-C', ROOT, 'archive', '--output', archive, commit])
  await run('tar', ['-xf', archive, '-C', root])
  await rm(archive)
  if (await hasSameLock(root)) await linkModules(root)
  else await run('npm', ['ci', '--omit=dev', '--no-audit', '--no-fund'], { cwd: root, ...OUTPUT })
  return { root, [Symbol.asyncDispose]: () => rm(root, { recursive: true, force: true }) }
}

async function hasSameLock(root: string): Promise<boolean> {
  const lockIn = (folder: string) => readFile(join(folder, 'package-lock.json'), 'utf8')
  return (await lockIn(root)) === (await lockIn(ROOT))
}

/** Everything but the packages of the checkout, which are its own. */
async function linkModules(root: string): Promise<void> {
  const [from, to] = [join(ROOT, 'node_modules'), join(root, 'node_modules')]
  await mkdir(join(to, SCOPE), { recursive: true })
  for (const name of await readdir(from)) if (name !== SCOPE) await symlink(join(from, name), join(to, name))
  for (const name of await readdir(join(from, SCOPE))) {
    await symlink(await readlink(join(from, SCOPE, name)), join(to, SCOPE, name))
  }
}
