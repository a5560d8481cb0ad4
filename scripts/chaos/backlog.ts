import { PERSISTER_GROUP } from '@roomlog/events'
import { z } from 'zod'
import { openServers } from '../operator/servers.ts'
import { readSettings } from '../operator/settings.ts'
import { operatorEnvironment } from './audit.ts'
import type { Nemesis } from './nemesis.ts'

/** Milliseconds until the persisters have done with all that the log has when it is asked; rejects after `patienceMs`. */
export async function backlogDrainedMs({ stack, until }: Nemesis, patienceMs: number): Promise<number> {
  const { target } = await readSettings({
    env: operatorEnvironment(stack),
    options: z.object({}),
    given: {},
    needsDatabase: true,
  })
  await using servers = await openServers(target, 'chaos')
  const { reader } = servers
  const ends = await reader.bounds('created')
  const isDrained = async () => {
    const positions = await reader.positions(PERSISTER_GROUP, 'created')
    return [...ends].every(
      ([partition, { from, end }]) => from === end || (positions.get(partition) ?? 0n) >= end,
    )
  }
  return until('the backlog is drained', isDrained, patienceMs)
}
