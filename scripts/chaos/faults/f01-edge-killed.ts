import { killService, populate } from '../acts.ts'
import { BOTH, type Fault } from '../fault.ts'
import type { Nemesis } from '../nemesis.ts'
import { presenceRightMs } from '../presence.ts'

const KILLS = 5
const BETWEEN_MS = [3_000, 6_000] as const
const GHOSTS = 5
const GHOSTS_GONE_MS = 80_000

export const edgeKilled: Fault = {
  id: 'F1',
  title: 'edge kill -9',
  engines: BOTH,
  // An edge that comes back under its name waits for its old session's end; clients are on the other by then.
  recovery: { p99Ms: 5_000 },
  inject: async (nemesis) => {
    await killEdges(nemesis)
    const { stack, random } = nemesis
    if (!nemesis.isShort) await killWithPeople(nemesis, random.pick(stack.edges))
  },
}

/** Nobody can go elsewhere: all wait until it is there again, on Kafka for the end of its old session, too. */
export const onlyEdgeKilled: Fault = {
  id: 'F1s',
  title: 'the only edge, kill -9',
  engines: BOTH,
  stack: { edges: 1 },
  recovery: { p99Ms: 12_000 },
  inject: killEdges,
}

async function killEdges(nemesis: Nemesis): Promise<void> {
  const { stack, random } = nemesis
  for (let i = 0; i < nemesis.times(KILLS, 1); i += 1) {
    await killService(nemesis, random.pick(stack.edges))
    await nemesis.sleep(random.int(...BETWEEN_MS))
  }
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
