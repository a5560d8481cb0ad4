import { populate } from '../acts.ts'
import { BOTH, type Fault } from '../fault.ts'
import type { Nemesis } from '../nemesis.ts'

const EXIT_MS = 20_000
/** Time for sends to be under way in vain. */
const DOWN_FOR_MS = 2_000
const BETWEEN_MS = 4_000
/** What did not end by itself within its own bound, as by a log that never answers, ends itself with 1. */
const ALLOWED_EXIT_CODES = [0, 1]

export const stoppedDuringOutage: Fault = {
  id: 'F23',
  title: 'SIGTERM while Kafka or PostgreSQL is down',
  engines: BOTH,
  recovery: { p99Ms: 15_000 },
  inject: async (nemesis) => {
    const { kafka, postgres } = nemesis.stack.servers
    const servers = kafka === undefined ? { postgres } : { kafka, postgres }
    for (const [name, server] of Object.entries(servers)) {
      for (const how of ['killed', 'frozen'] as const) {
        const stopped = [
          nemesis.random.pick(nemesis.stack.edges),
          nemesis.random.pick(nemesis.stack.persisters),
          'api',
        ]
        for (const service of stopped) await populate(nemesis, service)
        await nemesis.act(name, how, async () => {
          await (how === 'killed' ? server.kill() : server.pause())
          await nemesis.sleep(DOWN_FOR_MS)
          await Promise.all(stopped.map((service) => stop(nemesis, service, `${name} is ${how}`)))
          await (how === 'killed' ? server.start() : server.resume())
          await server.ready()
          for (const service of stopped) nemesis.stack.start(service)
          await nemesis.stack.ready()
        })
        await nemesis.sleep(BETWEEN_MS)
      }
    }
  },
}

async function stop(nemesis: Nemesis, service: string, when: string): Promise<void> {
  const { ms, how } = await nemesis.stack.stop(service, ALLOWED_EXIT_CODES)
  nemesis.bound(`exit of ${service} while ${when}, ms`, ms, EXIT_MS)
  const isForced = how.startsWith('exit code 1')
  nemesis.must(`${service} ends by itself while ${when} (${how})`, isForced || how.startsWith('exit code 0'))
}
