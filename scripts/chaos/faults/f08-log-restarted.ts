import { freezeBroker, freezeDatabase, restartBroker, restartDatabase } from '../acts.ts'
import { BOTH, type Fault } from '../fault.ts'

const KILLS = 5
const FREEZE_MS = 35_000
/**
 * Longer than a consumer group waits for a member that it has lost (its session, 10 s), which begins anew with each start
 * of the broker: killed more often than that, the log takes records all the time and hands out none.
 */
const BETWEEN_MS = { kafka: [15_000, 18_000], postgres: [4_000, 6_000] } as const

export const logRestarted: Fault = {
  id: 'F8',
  title: 'log: SIGTERM, kill -9, SIGSTOP 35 s',
  engines: BOTH,
  recovery: { p99Ms: 15_000 },
  inject: async (nemesis) => {
    const { random } = nemesis
    // On the embedded engine the log is PostgreSQL.
    const isKafka = nemesis.stack.servers.kafka !== undefined
    const [least, most] = BETWEEN_MS[isKafka ? 'kafka' : 'postgres']
    await (isKafka ? restartBroker(nemesis, 'SIGTERM') : restartDatabase(nemesis, 'fast'))
    for (let i = 0; i < nemesis.times(KILLS, 1); i += 1) {
      await nemesis.sleep(random.int(least, most))
      await (isKafka ? restartBroker(nemesis, 'kill -9') : restartDatabase(nemesis, 'kill'))
    }
    await nemesis.sleep(random.int(least, most))
    const freezeMs = nemesis.outageMs(FREEZE_MS)
    await (isKafka ? freezeBroker(nemesis, freezeMs) : freezeDatabase(nemesis, freezeMs))
  },
}
