import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { persistersHaveReached } from '../operator/persisters.ts'
import { openServers, type Servers } from '../operator/servers.ts'
import { readSettings, type Target } from '../operator/settings.ts'
import { operatorEnvironment } from './audit.ts'
import type { Nemesis } from './nemesis.ts'

const RETRY_MS = 250

/** Milliseconds until the persisters have done with all that the log has when it is asked; rejects after `patienceMs`. */
export async function backlogDrainedMs({ stack, until }: Nemesis, patienceMs: number): Promise<number> {
  const startedAtMs = performance.now()
  const { target } = await readSettings({
    env: operatorEnvironment(stack),
    options: z.object({}),
    given: {},
    needsDatabase: true,
  })
  await using servers = await opened(target, startedAtMs + patienceMs)
  const { reader } = servers
  const ends = await reader.bounds('created')
  await until('the backlog is drained', () => persistersHaveReached(reader, ends), patienceMs)
  return performance.now() - startedAtMs
}

/** Whatever was restarted may have no connection to spare at first. */
async function opened(target: Target, untilMs: number): Promise<Servers> {
  for (;;) {
    try {
      return await openServers(target, 'chaos')
    } catch (error) {
      if (performance.now() > untilMs) throw error
      await sleep(RETRY_MS)
    }
  }
}
