import { list } from './dlq/list.ts'
import { optionsSchema, readArguments, USAGE } from './dlq/options.ts'
import { dismissAll, replayAll, replayThese } from './dlq/replay.ts'
import { show } from './dlq/show.ts'
import { runCommand } from './operator/command.ts'
import { openServers } from './operator/servers.ts'
import { readSettings } from './operator/settings.ts'

// What became of the records that persisters dead-lettered, and the way back for them. The servers are closed at the end
// of the block: what works on them is awaited in it.
await runCommand('dlq', USAGE, async (args, env) => {
  const read = readArguments(args)
  if (read === undefined) return undefined
  const { command, given } = read
  const { target, options } = await readSettings({ env, given, options: optionsSchema, needsDatabase: false })
  // On Kafka only a replay looks into it.
  const needed = target.engine === 'embedded' || command.name === 'replay' ? target.database : undefined
  await using servers = await openServers({ ...target, database: needed }, 'dlq')
  const { reader, database, openLog } = servers
  switch (command.name) {
    case 'list':
      return await list(reader, { ...command, ...options })
    case 'show':
      return await show(reader, command.position, command.isRaw)
    case 'dismiss':
      return await dismissAll(reader)
    case 'replay': {
      const { positions, ...how } = command
      const replay = { reader, db: database?.db, openLog, ...how }
      return await (positions === undefined ? replayAll(replay) : replayThese(positions, replay))
    }
  }
})
