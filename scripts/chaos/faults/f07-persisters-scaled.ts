import { longestStall } from '../delivery.ts'
import { BOTH, type Fault } from '../fault.ts'

const STEP_MS = 6_000
const LONGEST_STALL_MS = 10_000

export const persistersScaled: Fault = {
  id: 'F7',
  title: 'persisters 1 → 3 → 1',
  engines: BOTH,
  stack: { persisters: 3 },
  recovery: { p99Ms: LONGEST_STALL_MS },
  inject: async (nemesis) => {
    const { stack, crowd } = nemesis
    const [, ...others] = stack.persisters
    const closesBefore = crowd.closes
    // From three to one, then to three and back.
    for (const name of others) await nemesis.act(name, 'SIGTERM', async () => void (await stack.stop(name)))
    await nemesis.sleep(STEP_MS)
    for (const name of others) {
      await nemesis.act(name, 'start', async () => {
        stack.start(name)
        await nemesis.until(`${name} is ready`, () => stack.isReady(name), 60_000)
      })
      await nemesis.sleep(STEP_MS)
    }
    for (const name of others) {
      await nemesis.act(name, 'SIGTERM', async () => void (await stack.stop(name)))
      await nemesis.sleep(STEP_MS)
    }
    nemesis.bound('sockets that were closed', crowd.closes - closesBefore, 0)
    for (const name of others) stack.start(name)
  },
  judge: (history) => [longestStall(history, LONGEST_STALL_MS)],
}
