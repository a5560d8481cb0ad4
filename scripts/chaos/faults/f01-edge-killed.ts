import { killService } from '../acts.ts'
import { BOTH, type Fault } from '../fault.ts'

const KILLS = 5
const BETWEEN_MS = [3_000, 6_000] as const

export const edgeKilled: Fault = {
  id: 'F1',
  title: 'edge kill -9',
  engines: BOTH,
  // An edge that comes back under its name waits for its old session's end; clients are on the other by then.
  recovery: { p99Ms: 5_000 },
  inject: async (nemesis) => {
    const { stack, random } = nemesis
    for (let i = 0; i < nemesis.times(KILLS, 1); i += 1) {
      await killService(nemesis, random.pick(stack.edges))
      await nemesis.sleep(random.int(...BETWEEN_MS))
    }
  },
}
