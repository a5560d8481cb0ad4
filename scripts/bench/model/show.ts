import { markdown } from '../../markdown.ts'
import { MEASURED } from './costs.ts'
import { type Demand, type Plan, plan, wallsOf } from './plan.ts'

/** What a demand is made of that names only its users: each writes so often, and so many sockets hear it. */
const USUAL = { messagesPerUserSecond: 0.01, fanOut: 20 } as const
const USERS = [1_000, 10_000, 100_000, 1_000_000, 10_000_000] as const
/** The next step: an edge reads only the partitions of its own rooms, because those who are in a room are led to the same few edges. */
const ROUTED = 1 / 64

const COLUMNS = [
  ...['users', 'messages/s', 'edges', 'persisters', 'partitions', 'brokers', 'cores of PostgreSQL'],
  ...['what does not fit'],
] as const

/** How many of what it takes, by the measured cost of each unit: for one demand, or from 1,000 to 10 million users. */
export function scalePlan(demand: Partial<Demand>): string {
  const demands = (demand.users === undefined ? USERS : [demand.users]).map((users) => ({
    users,
    messagesPerSecond: demand.messagesPerSecond ?? users * USUAL.messagesPerUserSecond,
    fanOut: demand.fanOut ?? USUAL.fanOut,
  }))
  const walls = Object.entries(wallsOf(MEASURED)).map(
    ([wall, most]) => `- ${wall}: ${shown(most)} messages/s`,
  )
  const routed = demands.map((it) => rowOf(it, plan({ ...it, readShare: ROUTED }, MEASURED)))
  return [
    `Each message goes to ${demands[0]?.fanOut} sockets; nothing is busier than 60 %.`,
    'As it is:',
    markdown([COLUMNS, ...demands.map((it) => rowOf(it, plan(it, MEASURED)))]),
    `Walls, however many machines there are:\n${walls.join('\n')}`,
    'With edges that read only the partitions of their own rooms, 1 in 64:',
    markdown([COLUMNS, ...routed]),
    'Past one primary: messages spread by room, over hash partitions of several servers or with Citus.',
  ].join('\n\n')
}

function rowOf({ users, messagesPerSecond }: Demand, it: Plan): readonly string[] {
  const { edges, persisters, partitions, brokers, postgresCores, walls } = it
  const counts = [users, messagesPerSecond, edges, persisters, partitions, brokers, postgresCores]
  return [...counts.map(shown), walls.join(', ') || '-']
}

function shown(count: number): string {
  return Number.isFinite(count) ? Math.round(count).toLocaleString('en') : 'none would do'
}
