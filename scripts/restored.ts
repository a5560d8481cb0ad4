import { runCommand } from './operator/command.ts'
import { openServers } from './operator/servers.ts'
import { readSettings } from './operator/settings.ts'
import { stoppedRoomlog } from './operator/stopped-roomlog.ts'
import { optionsSchema, readArguments, USAGE } from './restored/options.ts'
import { restored } from './restored/run.ts'

// After PostgreSQL was restored to an older state, before persisters run on it.
await runCommand('restored', USAGE, async (args, env) => {
  const given = readArguments(args)
  if (given === undefined) return undefined
  await using stack = new AsyncDisposableStack()
  const findRunning = async () => stack.use(await stoppedRoomlog(env))
  const { target, options } = await readSettings({
    env,
    given,
    options: optionsSchema,
    needsDatabase: true,
    findRunning,
  })
  const servers = stack.use(await openServers(target, 'restored'))
  return await restored(servers, options)
})
