import { freezeServer } from '../acts.ts'
import { BOTH, type Fault } from '../fault.ts'
import { call } from '../load/rest.ts'
import type { Nemesis } from '../nemesis.ts'

const FREEZE_MS = 30_000
const REQUEST_MS = 5_500
const PROBE_EVERY_MS = 1_000

export const databaseFrozen: Fault = {
  id: 'F13',
  title: 'PostgreSQL SIGSTOP 30 s',
  engines: BOTH,
  recovery: { p99Ms: 15_000 },
  inject: async (nemesis) => {
    // Frozen until the last question is answered, so that none is asked of a database that is back.
    await freezeServer(nemesis, 'postgres', nemesis.stack.servers.postgres, () =>
      probe(nemesis, nemesis.outageMs(FREEZE_MS)),
    )
  },
}

/** While the database hangs: requests end soon with 503, and the process says that it lives but is not ready. */
async function probe(nemesis: Nemesis, forMs: number): Promise<void> {
  const { stack, crowd } = nemesis
  const [client] = crowd.clients
  const token = client?.token ?? ''
  const until = performance.now() + forMs
  const answers: Awaited<ReturnType<typeof call>>[] = []
  await nemesis.sleep(PROBE_EVERY_MS)
  while (performance.now() < until) {
    answers.push(await call(`${stack.apiUrl}/rooms`, { token }))
    await nemesis.sleep(PROBE_EVERY_MS)
  }
  nemesis.bound('slowest request, ms', Math.max(...answers.map(({ ms }) => ms)), REQUEST_MS)
  nemesis.must(
    'requests are answered with 503',
    answers.every(({ status }) => status === 503),
  )
  nemesis.must(
    'and with Retry-After',
    answers.every(({ retryAfter }) => retryAfter !== null),
  )
  for (const name of ['api', ...stack.edges, ...stack.persisters]) {
    const { status } = await call(`http://127.0.0.1:${stack.specOf(name).port}/livez`)
    nemesis.must(`/livez of ${name} is 200`, status === 200)
  }
  nemesis.must('/readyz of the api is 503', (await call(`${stack.apiUrl}/readyz`)).status === 503)
}
