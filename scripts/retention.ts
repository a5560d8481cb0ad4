import { runCommand } from './operator/command.ts'
import { openServers } from './operator/servers.ts'
import { readSettings } from './operator/settings.ts'
import { optionsSchema, readArguments, USAGE } from './retention/options.ts'
import { retain } from './retention/run.ts'

await runCommand('retention', USAGE, async (args, env) => {
  const given = readArguments(args)
  if (given === undefined) return undefined
  const { target, options } = await readSettings({ env, given, options: optionsSchema, needsDatabase: true })
  await using servers = await openServers(target, 'retention')
  return await retain(servers.database, options)
})
