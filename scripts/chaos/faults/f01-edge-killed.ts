import { killService, populate } from '../acts.ts'
import { BOTH, type Fault } from '../fault.ts'
import type { Nemesis } from '../nemesis.ts'
import { presenceRightMs } from '../presence.ts'

const KILLS = 5
const BETWEEN_MS = [3_000, 6_000] as const
const GHOSTS = 5
const GHOSTS_GONE_MS = 80_000
const ALONE_MS = 12_000
const BACK_SHARE = 0.99
const PATIENCE_MS = 60_000

export const edgeKilled: Fault = {
  id: 'F1',
  title: 'edge kill -9',
  engines: BOTH,
  // An edge that comes back under its name waits for its old session's end; clients are on the other by then.
  recovery: { p99Ms: 5_000 },
  inject: async (nemesis) => {
    const { stack, random } = nemesis
    for (let i = 0; i < nemesis.times(KILLS, 1); i += 1) {
      await killService(nemesis, random.pick(stack.edges))
      await nemesis.sleep(random.int(...BETWEEN_MS))
    }
    if (!nemesis.isShort) await killWithPeople(nemesis, random.pick(stack.edges))
  },
}

/** Nobody can go elsewhere, nor say anything: how long all wait for it is measured from its end on. */
export const onlyEdgeKilled: Fault = {
  id: 'F1s',
  title: 'the only edge, kill -9',
  engines: BOTH,
  stack: { edges: 1 },
  recovery: { p99Ms: ALONE_MS },
  inject: async (nemesis) => {
    const { stack, crowd, random } = nemesis
    const [edge = ''] = stack.edges
    for (let i = 0; i < nemesis.times(KILLS, 1); i += 1) {
      await nemesis.act(edge, 'kill -9', () => stack.signal(edge, 'SIGKILL'))
      await nemesis.until('nobody is live', () => crowd.live === 0, PATIENCE_MS)
      const isBack = () => crowd.live >= crowd.clients.length * BACK_SHARE
      const ms = await nemesis.until('99 % are live again', isBack, PATIENCE_MS)
      nemesis.bound('99 % live again, ms', ms, ALONE_MS)
      await nemesis.sleep(random.int(...BETWEEN_MS))
    }
  },
}

/** Some go away together with their edge, which nobody is told of: they are online until their time is over. */
async function killWithPeople(nemesis: Nemesis, edge: string): Promise<void> {
  const { stack, crowd } = nemesis
  await populate(nemesis, edge)
  const url = stack.wsUrls[stack.edges.indexOf(edge)]
  const gone = new Set(crowd.clients.filter((client) => client.edge === url).slice(0, GHOSTS))
  nemesis.must(`${edge} has people (${gone.size})`, gone.size > 0)
  await nemesis.act(edge, 'kill -9, with people who stay away, of', async () => {
    const letBack = crowd.keepAway(gone)
    stack.signal(edge, 'SIGKILL')
    await nemesis.until('they are gone', () => [...gone].every(({ isOpen }) => !isOpen), 5_000)
    const ms = await presenceRightMs(nemesis, GHOSTS_GONE_MS * 2)
    nemesis.bound('ghosts gone, ms', ms, GHOSTS_GONE_MS)
    letBack()
  })
}
