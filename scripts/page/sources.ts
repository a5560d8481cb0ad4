import { createHash } from 'node:crypto'
import { globSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

/** The built page, below the checkout. */
export const DIST = 'packages/web/dist'
const STAMP = '.built-from'
/** All that the page is made of: its own files, what it imports of others, how it is compiled, and the versions of what npm brings. */
const SOURCES = [
  'packages/web/**/*',
  'packages/{client,protocol}/{src/**/*,package.json}',
  'tsconfig.base.json',
  'package-lock.json',
]
const NO_SOURCES = ['**/node_modules/**', 'packages/web/dist/**', '**/*.test.ts', '**/*.test.tsx', '**/*.png']

/** One name for what the sources are now: the same names and contents give the same. */
export async function fingerprint(root: string): Promise<string> {
  const files = globSync(SOURCES, { cwd: root, exclude: NO_SOURCES, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .toSorted()
  const hash = createHash('sha256')
  for (const file of files) {
    const content = await readFile(file)
    hash.update(`${file.slice(root.length)}\0${content.length}\0`).update(content)
  }
  return hash.digest('hex')
}

/** Where a build says, in its own folder, what it was made from. */
export function stampIn(folder: string): string {
  return join(folder, STAMP)
}

/** Whether the built page is the one that the sources give. */
export async function isBuilt(root: string): Promise<boolean> {
  const [built, now] = await Promise.all([
    readFile(stampIn(join(root, DIST)), 'utf8').catch(() => undefined),
    fingerprint(root),
  ])
  return built === now
}
