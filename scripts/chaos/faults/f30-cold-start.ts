import { BOTH, type Fault } from '../fault.ts'
import type { Nemesis } from '../nemesis.ts'

const LATE_MS = { full: 30_000, short: 10_000 } as const
const READY_MS = 10_000
const BETWEEN_SERVICES_MS = [0, 1_500] as const

/** Nobody may end meanwhile: whatever does is trouble. */
export const coldStart: Fault = {
  id: 'F30',
  title: 'cold start in any order, each dependency 30 s late',
  engines: BOTH,
  ownStack: true,
  recovery: { p99Ms: 10_000 },
  inject: async (nemesis) => {
    const { stack } = nemesis
    const { postgres, kafka, redis } = stack.servers
    const dependencies = Object.entries({ postgres, kafka, redis }).flatMap(([name, it]) =>
      it ? [{ name, it }] : [],
    )
    await Promise.all(stack.names.map((name) => stack.stop(name)))
    for (const { it } of dependencies) await it.stop()
    const order = shuffled(nemesis, dependencies)
    const names = shuffled(nemesis, stack.names)
    const what = [...names, ...order.map(({ name }) => name)].join(', ')
    await nemesis.act('everything', `cold start of ${what}:`, async () => {
      for (const name of names) {
        stack.start(name)
        await nemesis.sleep(nemesis.random.int(...BETWEEN_SERVICES_MS))
      }
      for (const { it } of order) {
        await nemesis.sleep(nemesis.times(LATE_MS.full, LATE_MS.short))
        await it.start()
        await it.ready()
      }
      const isReady = async () => (await Promise.all(names.map((name) => stack.isReady(name)))).every(Boolean)
      const ms = await nemesis.until('all are ready', isReady, READY_MS * 6)
      nemesis.bound('all are ready after the last dependency, ms', ms, READY_MS)
    })
  },
}

function shuffled<T>({ random }: Nemesis, items: readonly T[]): readonly T[] {
  return items
    .map((item) => ({ item, at: random.next() }))
    .toSorted((a, b) => a.at - b.at)
    .map(({ item }) => item)
}
