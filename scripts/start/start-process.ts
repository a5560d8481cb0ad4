import { fileURLToPath } from 'node:url'
import { describeFailure } from './failure.ts'
import { type RoomlogOptions, runRoomlog } from './roomlog.ts'
import { readSettings, type Settings } from './settings.ts'
import { createTerminal } from './terminal.ts'

type Choices = Pick<RoomlogOptions, 'services' | 'pageUrl'>

/** All of a process that runs a Roomlog until it is told to stop. */
export async function startProcess(choose: (settings: Settings) => Choices = () => ({})): Promise<void> {
  const root = fileURLToPath(new URL('../..', import.meta.url))
  const [stop, hurry] = [new AbortController(), new AbortController()]
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => (stop.signal.aborted ? hurry : stop).abort())
  }
  // A terminal that was closed must not keep things from being stopped.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined)

  try {
    const settings = readSettings(process.env, root)
    const terminal = createTerminal(process.stdout)
    const [signals, choices] = [{ stop: stop.signal, hurry: hurry.signal }, choose(settings)]
    await runRoomlog({ root, settings, terminal, ...signals, ...choices })
  } catch (error) {
    console.error(describeFailure(error, process.env.ROOMLOG_DATA ?? '.roomlog'))
    if (process.env.LOG_LEVEL === 'debug') console.error(error)
    process.exitCode = 1
  }
}
