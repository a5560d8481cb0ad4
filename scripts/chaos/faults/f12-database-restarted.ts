import { restartDatabase } from '../acts.ts'
import { BOTH, type Fault } from '../fault.ts'
import { call } from '../load/rest.ts'
import type { Nemesis } from '../nemesis.ts'

const KILLS = 5
const BETWEEN_MS = [4_000, 6_000] as const
const API_HEALTHY_MS = 3_000

export const databaseRestarted: Fault = {
  id: 'F12',
  title: 'PostgreSQL restart: fast, immediate, kill -9',
  engines: BOTH,
  recovery: { p99Ms: 15_000 },
  inject: async (nemesis) => {
    const { random } = nemesis
    for (const how of ['fast', 'immediate', ...Array(nemesis.times(KILLS, 1)).fill('kill')] as const) {
      await restartDatabase(nemesis, how)
      nemesis.bound('api healthy after the restart, ms', await untilHealthy(nemesis), API_HEALTHY_MS)
      await nemesis.sleep(random.int(...BETWEEN_MS))
    }
  },
}

function untilHealthy(nemesis: Nemesis): Promise<number> {
  const isHealthy = async () =>
    (await call(`${nemesis.stack.apiUrl}/health`, { patienceMs: 2_000 })).status === 200
  return nemesis.until('api healthy', isHealthy, 30_000)
}
