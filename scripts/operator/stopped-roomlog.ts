import { access } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { startEmbeddedPostgres } from '@roomlog/db/embedded'
import { takeDataFolder } from '../start/data-folder.ts'
import { describeFailure as describeStartFailure, StartFailure } from '../start/failure.ts'
import { readSettings } from '../start/settings.ts'
import { OperatorFailure } from './failure.ts'
import type { Environment } from './settings.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** The embedded PostgreSQL of a Roomlog that does not run, until it is disposed. */
export interface StoppedRoomlog extends AsyncDisposable {
  readonly engine: 'embedded'
  readonly databaseUrl: string
  readonly dataFolder: string
}

/**
 * Takes a data folder as `npm start` does, and starts its PostgreSQL and nothing else. `dataFolder` is relative to the
 * checkout; default: that of `npm start`. Throws `OperatorFailure` where Roomlog runs from it, or nothing is in it.
 */
export async function stoppedRoomlog(env: Environment, dataFolder?: string): Promise<StoppedRoomlog> {
  const ROOMLOG_DATA = dataFolder ?? env.ROOMLOG_DATA
  const path = readSettings({ ROOMLOG_DATA }, ROOT).dataFolder
  const dataDir = join(path, 'postgres')
  await access(dataDir).catch(() => {
    throw new OperatorFailure(`${path} holds no embedded PostgreSQL`)
  })
  try {
    await using stack = new AsyncDisposableStack()
    const folder = await takeDataFolder(path)
    stack.defer(folder.release)
    const log = (line: string) => console.error(line)
    const { url, stop } = await startEmbeddedPostgres({ dataDir, log })
    stack.defer(stop)
    const everything = stack.move()
    const dispose = () => everything.disposeAsync()
    return { engine: 'embedded', databaseUrl: url, dataFolder: path, [Symbol.asyncDispose]: dispose }
  } catch (error) {
    const isRunning = error instanceof StartFailure && error.code === 'already_running'
    throw new OperatorFailure(
      isRunning ? `Roomlog runs from ${path}: stop it first` : describeStartFailure(error, path),
      { cause: error },
    )
  }
}
