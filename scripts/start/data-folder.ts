import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { takeFolderLock } from '@roomlog/db/embedded'
import { StartFailure } from './failure.ts'
import { type RunState, readRunFile, removeRunFile, writeRunFile } from './run-file.ts'

/** The folder that this process has taken for itself. */
export interface DataFolder {
  readonly path: string
  readonly logs: string
  /** Writes `run.json`; one call after the other. */
  save(state: RunState): Promise<void>
  /** Removes `run.json` and lets the next start in. */
  release(): Promise<void>
}

/** Makes the folder and takes it. Throws when another start has it. */
export async function takeDataFolder(path: string): Promise<DataFolder> {
  const logs = join(path, 'logs')
  await mkdir(logs, { recursive: true })
  const lock = await takeFolderLock(join(path, 'running.lock'))
  if ('heldBy' in lock) throw alreadyRunning(lock.heldBy, await readRunFile(path))
  let saved = Promise.resolve()
  const save = (state: RunState) => {
    saved = saved.catch(() => undefined).then(() => writeRunFile(path, state))
    return saved
  }
  const release = async () => {
    await saved.catch(() => undefined)
    await removeRunFile(path)
    await lock.release()
  }
  return { path, logs, save, release }
}

function alreadyRunning(pid: number, state: RunState | undefined): StartFailure {
  const where = state?.pid === pid ? ` on ${state.urls.api}` : ''
  return new StartFailure(
    'already_running',
    `Roomlog is already running${where}, pid ${pid}: stop that one, or set ROOMLOG_DATA, API_PORT, EDGE_PORT and PERSISTER_PORT for a second.`,
  )
}
