import { appendFileSync, cpSync, existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { createLogger, type Logger } from '@roomlog/service-kit'
import { inject } from 'vitest'
import type { Audience } from './canaries.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** Where what services say in this run is kept until it is searched; set by `global-setup.ts`. */
    roomlogSaid: string
  }
}

/** The product's own logger at its most talkative; what it writes is searched for canaries when the run is over. */
export function suiteLog(): Logger {
  return createLogger({ name: 'suite', level: 'trace', to: { write: (line) => keep('operators', line) } })
}

/** For the search at the end of the run: what a service told. */
export function keep(audience: Audience, text: string | Buffer): void {
  appendFileSync(join(inject('roomlogSaid'), `${audience}-${process.pid}`), text)
}

/** The same with all files of a folder, if there is one. */
export function keepFolder(folder: string): void {
  if (!existsSync(folder)) return
  const to = join(inject('roomlogSaid'), crypto.randomUUID())
  mkdirSync(to)
  cpSync(folder, to, { recursive: true })
}
