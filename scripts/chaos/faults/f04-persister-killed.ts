import { killService } from '../acts.ts'
import { longestStall } from '../delivery.ts'
import { BOTH, type Fault } from '../fault.ts'

const KILLS = 5
const TAKEN_OVER_MS = 15_000
const BETWEEN_MS = [3_000, 6_000] as const

export const persisterKilled: Fault = {
  id: 'F4',
  title: 'persister kill -9',
  engines: BOTH,
  recovery: { p99Ms: TAKEN_OVER_MS },
  inject: async (nemesis) => {
    const { stack, random } = nemesis
    for (let i = 0; i < nemesis.times(KILLS, 1); i += 1) {
      await killService(nemesis, random.pick(stack.persisters))
      await nemesis.sleep(random.int(...BETWEEN_MS))
    }
  },
  judge: (history) => [longestStall(history, TAKEN_OVER_MS)],
}
