import { restartDatabase } from '../acts.ts'
import { backlogDrainedMs } from '../backlog.ts'
import { BOTH, type Fault } from '../fault.ts'
import { call } from '../load/rest.ts'
import type { Nemesis } from '../nemesis.ts'
import { presenceRightMs } from '../presence.ts'

const KILLS = 5
const BETWEEN_MS = [4_000, 6_000] as const
const API_HEALTHY_MS = 3_000
const AWAY_MS = 60_000
const DRAINED_MS = 30_000
const PRESENCE_RIGHT_MS = 25_000

export const databaseRestarted: Fault = {
  id: 'F12',
  title: 'PostgreSQL restart: fast, immediate, kill -9; away 60 s',
  engines: BOTH,
  recovery: { p99Ms: 15_000 },
  inject: async (nemesis) => {
    const { random } = nemesis
    for (const how of ['fast', 'immediate', ...Array(nemesis.times(KILLS, 1)).fill('kill')] as const) {
      await restartDatabase(nemesis, how)
      nemesis.bound('api healthy after the restart, ms', await untilHealthy(nemesis), API_HEALTHY_MS)
      await nemesis.sleep(random.int(...BETWEEN_MS))
    }
    await longOutage(nemesis)
    if (nemesis.isShort) return
    // On the embedded engine it lies in the database.
    const presenceMs = await presenceRightMs(nemesis, PRESENCE_RIGHT_MS * 2)
    nemesis.bound('presence right, ms', presenceMs, PRESENCE_RIGHT_MS)
  },
}

function untilHealthy(nemesis: Nemesis): Promise<number> {
  const isHealthy = async () =>
    (await call(`${nemesis.stack.apiUrl}/health`, { patienceMs: 2_000 })).status === 200
  return nemesis.until('api healthy', isHealthy, 30_000)
}

/** Over when what was accepted meanwhile is stored: only then can anything newer come. */
async function longOutage(nemesis: Nemesis): Promise<void> {
  const { postgres } = nemesis.stack.servers
  await nemesis.act('postgres', `kill -9 and ${nemesis.outageMs(AWAY_MS) / 1000} s without`, async () => {
    await postgres.kill()
    await whileAway(nemesis, nemesis.outageMs(AWAY_MS))
    await postgres.start()
    await postgres.ready()
    nemesis.bound('backlog drained, ms', await backlogDrainedMs(nemesis, DRAINED_MS * 2), DRAINED_MS)
  })
}

async function whileAway(nemesis: Nemesis, awayMs: number): Promise<void> {
  const { stack, crowd } = nemesis
  await nemesis.sleep(awayMs / 2)
  const { status, retryAfter } = await call(`${stack.apiUrl}/rooms`, { token: crowd.clients[0]?.token ?? '' })
  nemesis.must(
    `the api says 503 and Retry-After (${status}, ${retryAfter})`,
    status === 503 && retryAfter !== null,
  )
  const before = crowd.accepted
  await nemesis.sleep(awayMs / 3)
  // Of known members, for a minute. On the embedded engine the log is away as well.
  const isAccepted = stack.servers.kafka === undefined || crowd.accepted > before
  nemesis.must(`sends are acknowledged (${crowd.accepted - before})`, isAccepted)
  await nemesis.sleep(awayMs / 6)
}
