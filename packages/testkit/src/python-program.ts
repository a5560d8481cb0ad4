import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { available } from './dependencies.ts'
import type { StartedServer } from './ladder.ts'

/** Debian's own has what is installed as Debian's packages; one that comes first on PATH may not. */
const NAMES = ['python3', '/usr/bin/python3']
const VERSIONS =
  'import sys, websocket; print("Python", sys.version.split()[0], "websocket-client", websocket.__version__)'
const run = promisify(execFile)

/** A Python that has `websocket-client`; rejects where there is none. */
export async function findPython(): Promise<StartedServer> {
  for (const program of NAMES) {
    try {
      const { stdout } = await run(program, ['-c', VERSIONS])
      return { what: stdout.trim(), urls: [program], stop: async () => undefined }
    } catch {
      // The next one.
    }
  }
  throw new Error(`neither ${NAMES.join(' nor ')} has websocket-client`)
}

/** The program of the Python that the suites use. */
export async function python(): Promise<string> {
  return (await available('python')).urls[0]
}
