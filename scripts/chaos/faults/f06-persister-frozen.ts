import { freezeService } from '../acts.ts'
import { BOTH, type Fault } from '../fault.ts'

/** Longer than the session of either engine, so that there are two writers when it goes on. */
const FREEZE_MS = 15_000
const TIMES = 2

export const persisterFrozen: Fault = {
  id: 'F6',
  title: 'persister SIGSTOP past its session',
  engines: BOTH,
  recovery: { p99Ms: 15_000 },
  inject: async (nemesis) => {
    const { stack, random } = nemesis
    for (let i = 0; i < nemesis.times(TIMES, 1); i += 1) {
      await freezeService(nemesis, random.pick(stack.persisters), FREEZE_MS)
      await nemesis.sleep(random.int(3_000, 5_000))
    }
  },
}
