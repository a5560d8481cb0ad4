import { connect } from '@roomlog/db'
import { runCommand } from './operator/command.ts'
import { openServers } from './operator/servers.ts'
import { readSettings } from './operator/settings.ts'
import { stoppedRoomlog } from './operator/stopped-roomlog.ts'
import { isUrl, optionsSchema, readArguments, USAGE } from './to-full/options.ts'
import { APPLICATION, move } from './to-full/run.ts'

// From a Roomlog on the embedded engine to new servers of the full one.
await runCommand('to-full', USAGE, async (args, env) => {
  const given = readArguments(args)
  if (given === undefined) return undefined
  const { target, options } = await readSettings({
    env: { ...env, ENGINE: 'full' },
    given,
    options: optionsSchema,
    needsDatabase: true,
  })
  await using stack = new AsyncDisposableStack()
  const servers = stack.use(await openServers(target, 'to-full'))
  const { from } = options
  const stopped = from !== undefined && isUrl(from) ? undefined : stack.use(await stoppedRoomlog(env, from))
  const open = (url: string) => {
    // However large a table is, it is read and compared as a whole.
    const database = connect({ url, applicationName: APPLICATION, poolSize: 3, statementTimeoutMs: 0 })
    stack.defer(() => database.close())
    return database
  }
  const source = open(stopped?.databaseUrl ?? from ?? '')
  return await move({ source, target: open(target.database.url), servers, dataFolder: stopped?.dataFolder })
})
