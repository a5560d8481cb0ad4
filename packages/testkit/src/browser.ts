import type { Browser } from 'playwright-core'
import { launchBrowser } from './browser-program.ts'
import { available } from './dependencies.ts'

export type { Browser } from 'playwright-core'

/** A browser of the caller's own. Disposing ends it with all its pages. */
export async function browser(): Promise<Browser> {
  return launchBrowser((await available('browser')).urls[0])
}
