import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { readSettings } from './settings.ts'

/** What runs on a data folder, for commands and tests that want to find it. */
export interface RunState {
  /** Of the starter: SIGTERM stops everything. */
  readonly pid: number
  readonly engine: 'embedded' | 'full'
  readonly startedAt: string
  /** All services have been ready. */
  readonly ready: boolean
  readonly urls: { readonly api: string; readonly ws: readonly string[] }
  readonly services: readonly {
    readonly name: string
    /** Absent between two lives. */
    readonly pid?: number
    readonly port: number
  }[]
  /** With its password, which is why the file is its user's alone. */
  readonly databaseUrl: string
  /** Of the embedded PostgreSQL. */
  readonly postgresPid?: number
}

const RUN_FILE = 'run.json'

/** Undefined: nothing runs on the folder, or it is only just starting. */
export async function readRunFile(dataFolder: string): Promise<RunState | undefined> {
  try {
    const state: RunState = JSON.parse(await readFile(join(dataFolder, RUN_FILE), 'utf8'))
    // A starter that was killed has left its file.
    return isRunning(state.pid) ? state : undefined
  } catch {
    return undefined
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** Replaces the file as a whole: a reader sees the old or the new one. */
export async function writeRunFile(dataFolder: string, state: RunState): Promise<void> {
  const file = join(dataFolder, RUN_FILE)
  await writeFile(`${file}.new`, `${JSON.stringify(state, undefined, 2)}\n`, { mode: 0o600 })
  await rename(`${file}.new`, file)
}

export async function removeRunFile(dataFolder: string): Promise<void> {
  await rm(join(dataFolder, RUN_FILE), { force: true })
}

/** The Roomlog that was started from this checkout (and `ROOMLOG_DATA`). Throws when none runs. */
export async function runningRoomlog(): Promise<RunState> {
  const { dataFolder } = readSettings(process.env, fileURLToPath(new URL('../..', import.meta.url)))
  const state = await readRunFile(dataFolder)
  if (state?.ready) return state
  throw new Error('Roomlog does not run: start it with "npm start" in another terminal')
}
