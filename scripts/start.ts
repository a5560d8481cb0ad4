import { fileURLToPath } from 'node:url'
import { describeFailure } from './start/failure.ts'
import { runRoomlog } from './start/roomlog.ts'
import { readSettings } from './start/settings.ts'
import { createTerminal } from './start/terminal.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const [stop, hurry] = [new AbortController(), new AbortController()]
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => (stop.signal.aborted ? hurry : stop).abort())
}
// A terminal that was closed must not keep things from being stopped.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined)

try {
  const settings = readSettings(process.env, root)
  const terminal = createTerminal(process.stdout)
  await runRoomlog({ root, settings, terminal, stop: stop.signal, hurry: hurry.signal })
} catch (error) {
  console.error(describeFailure(error, process.env.ROOMLOG_DATA ?? '.roomlog'))
  if (process.env.LOG_LEVEL === 'debug') console.error(error)
  process.exitCode = 1
}
