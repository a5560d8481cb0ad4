import { execFile } from 'node:child_process'
import { access, constants } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { type Browser, chromium } from 'playwright-core'
import type { StartedServer } from './ladder.ts'

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']
const run = promisify(execFile)

/** A Chromium or Chrome found on PATH; rejects where there is none. */
export async function findBrowser(): Promise<StartedServer> {
  const folders = (process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== '')
  for (const program of NAMES.flatMap((name) => folders.map((folder) => join(folder, name)))) {
    try {
      await access(program, constants.X_OK)
      const { stdout } = await run(program, ['--version'])
      return { what: stdout.trim(), urls: [program], stop: async () => undefined }
    } catch {
      // The next one.
    }
  }
  throw new Error(`neither ${NAMES.join(' nor ')} is on PATH`)
}

/** Without a window, and without Chromium's own sandbox, which works neither for root nor in most containers. */
export function launchBrowser(program: string): Promise<Browser> {
  return chromium.launch({ executablePath: program })
}
