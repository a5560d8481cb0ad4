import { populate, shiftClock } from '../acts.ts'
import { BOTH, type Fault } from '../fault.ts'
import type { Nemesis } from '../nemesis.ts'
import { presenceRightMs } from '../presence.ts'

const TWO_HOURS_MS = 2 * 60 * 60 * 1000
const WRONG_FOR_MS = 15_000
const PRESENCE_RIGHT_MS = 25_000

export const clockWrong: Fault = {
  id: 'F25',
  title: 'clock ±2 h on one edge, one persister',
  engines: BOTH,
  crowd: { churners: 0 },
  recovery: { p99Ms: 15_000 },
  inject: async (nemesis) => {
    const { stack, crowd, random } = nemesis
    for (const names of [stack.edges, stack.persisters]) {
      for (const shiftMs of [TWO_HOURS_MS, -TWO_HOURS_MS]) {
        const name = random.pick(names)
        await shiftClock(nemesis, name, shiftMs, async () => {
          await comeTo(nemesis, name, shiftMs)
          await nemesis.until('all are live', () => crowd.live === crowd.clients.length, 30_000)
          nemesis.bound(
            'presence right, ms',
            await presenceRightMs(nemesis, PRESENCE_RIGHT_MS * 2),
            PRESENCE_RIGHT_MS,
          )
          const before = crowd.accepted
          await nemesis.sleep(WRONG_FOR_MS)
          nemesis.must(
            `sends are acknowledged meanwhile (${crowd.accepted - before})`,
            crowd.accepted > before,
          )
        })
        await nemesis.sleep(3_000)
      }
    }
  },
}

/** Nobody is on an edge that was restarted. One ahead of the time takes every token for expired: its people go to the other. */
async function comeTo(nemesis: Nemesis, name: string, shiftMs: number): Promise<void> {
  const { stack, crowd } = nemesis
  const url = stack.wsUrls[stack.edges.indexOf(name)]
  if (url === undefined) return
  if (shiftMs > 0) {
    for (const client of crowd.clients) client.drop()
    return
  }
  await populate(nemesis, name)
  const there = crowd.clients.filter(({ edge, isOpen }) => isOpen && edge === url).length
  nemesis.must(`${name} has clients (${there})`, there > 0)
}
