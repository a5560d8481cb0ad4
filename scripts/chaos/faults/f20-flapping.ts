import { BOTH, type Fault } from '../fault.ts'

const SHARE = 0.5
const FLAP_MS = 30_000
const BYTES = [200, 60_000] as const

export const flapping: Fault = {
  id: 'F20',
  title: 'flapping clients, reset at random bytes',
  engines: BOTH,
  recovery: { p99Ms: 5_000 },
  inject: async (nemesis) => {
    const { crowd, stack, random } = nemesis
    const through = new Set(crowd.clients.slice(0, Math.ceil(crowd.clients.length * SHARE)))
    const { edges } = stack.proxies
    const throughProxy = () => {
      const proxy = random.pick(edges)
      proxy.resetAfter(random.int(...BYTES))
      return proxy.url
    }
    const flapMs = nemesis.outageMs(FLAP_MS)
    await nemesis.act('clients', `flap for ${flapMs / 1000} s`, async () => {
      const restore = crowd.reroute(through, throughProxy)
      await nemesis.sleep(flapMs)
      restore()
      for (const client of through) client.drop()
    })
  },
}
