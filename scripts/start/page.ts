import { join } from 'node:path'
import { isBuilt } from '../page/sources.ts'
import { runCommand } from './commands.ts'

/** Builds the page that the api serves, where its sources have changed since; resolves with whether they had. */
export async function makePage(
  root: string,
  env: Readonly<Record<string, string>>,
  stop: AbortSignal,
): Promise<boolean> {
  if (await isBuilt(root)) return false
  await runCommand(join(root, 'scripts/page.ts'), env, stop)
  return true
}
