import { BOTH, type Fault } from '../fault.ts'

const SHARE = 0.5
const FLAP_MS = 30_000
const BYTES = [200, 60_000] as const
const LEAST_RESETS_EACH = 2

export const flapping: Fault = {
  id: 'F20',
  title: 'flapping clients, reset at random bytes',
  engines: BOTH,
  recovery: { p99Ms: 5_000 },
  inject: async (nemesis) => {
    const { crowd, stack, random } = nemesis
    const through = new Set(crowd.clients.slice(0, Math.ceil(crowd.clients.length * SHARE)))
    const { edges } = stack.proxies
    const closes = () => [...through].reduce((sum, client) => sum + client.closes.length, 0)
    const flapMs = nemesis.outageMs(FLAP_MS)
    await nemesis.act('clients', `flap for ${flapMs / 1000} s`, async () => {
      for (const proxy of edges) proxy.resetAfter(() => random.int(...BYTES), Number.POSITIVE_INFINITY)
      const before = closes()
      const restore = crowd.reroute(through, () => random.pick(edges).url)
      await nemesis.sleep(flapMs)
      restore()
      for (const proxy of edges) proxy.heal()
      // Their first is of leaving the usual way.
      const resets = closes() - before - through.size
      nemesis.must(
        `each is reset several times (${resets} resets)`,
        resets >= LEAST_RESETS_EACH * through.size,
      )
      for (const client of through) client.drop()
    })
  },
}
