import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { promisify, stripVTControlCharacters } from 'node:util'
import { compressAll } from './compress.ts'
import { DIST, fingerprint, stampIn } from './sources.ts'

/** Of what the bundler says: these say nothing, and the first others what is wrong, and where. */
const PREAMBLE = /^(✗|error during build|Build failed with)/
const TOLD_LINES = 4

/**
 * Builds the page with all that is served beside it. What is there is exchanged as a whole and at the end, so that who
 * serves it meanwhile has one or the other. Rejects with what the bundler says.
 */
export async function buildPage(root: string): Promise<void> {
  const madeFrom = await fingerprint(root)
  const work = join(root, '.roomlog', `page-${randomUUID()}`)
  const made = join(work, 'dist')
  try {
    await mkdir(work, { recursive: true })
    await bundle(join(root, 'packages/web'), made)
    await compressAll(made)
    await writeFile(stampIn(made), madeFrom)
    await exchange(made, join(root, DIST), work)
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

async function bundle(web: string, folder: string): Promise<void> {
  const vite = createRequire(join(web, 'package.json')).resolve('vite/package.json')
  const options = ['build', '--outDir', folder, '--emptyOutDir', '--logLevel', 'warn']
  const run = promisify(execFile)(process.execPath, [join(dirname(vite), 'bin/vite.js'), ...options], {
    cwd: web,
  })
  await run.catch((error: Error & { stderr?: string }) => {
    const said = stripVTControlCharacters(error.stderr ?? '')
      .split('\n')
      .filter((line) => line.trim() !== '' && !PREAMBLE.test(line))
    throw new Error(said.slice(0, TOLD_LINES).join('\n') || error.message, { cause: error })
  })
}

async function exchange(made: string, target: string, work: string): Promise<void> {
  for (;;) {
    await rename(target, join(work, `old-${randomUUID()}`)).catch(unless('ENOENT'))
    try {
      return await rename(made, target)
    } catch (error) {
      // Another build was there first.
      unless('ENOTEMPTY', 'EEXIST')(error as NodeJS.ErrnoException)
    }
  }
}

function unless(...codes: readonly string[]) {
  return (error: NodeJS.ErrnoException) => {
    if (!codes.includes(error.code ?? '')) throw error
  }
}
