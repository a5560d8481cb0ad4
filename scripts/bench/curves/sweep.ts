import { setTimeout as sleep } from 'node:timers/promises'
import { type TestClient, testClient } from '@roomlog/testkit'
import type { Stack } from '../../chaos/stack.ts'
import { until } from '../../chaos/until.ts'
import { cpuUsedBy } from '../cpu.ts'
import { populate, tokensOf } from '../population.ts'
import { roomlogOf } from '../roomlog.ts'
import { type Bench, type BenchContext, figureRow, type Row } from '../row.ts'
import { drawn } from './curve.ts'

const ROOMS = [1_000, 3_000, 10_000, 30_000, 100_000] as const
const MOST = 100_000
/** The most that a socket may have, and that one frame may join. */
const ROOMS_EACH = 500
const ROOMS_PER_JOIN = 100
const SETTLE_MS = 6_000
const MEASURED_MS = 20_000
const JOIN_PATIENCE_MS = 120_000
const UNIT = 20_000
const SHARE_OF_A_CORE = 0.05

/**
 * What an edge's sweep of its rooms costs, the database's part included: the CPU that edge and PostgreSQL use while nothing
 * happens, with so many rooms that have a socket here, above what they use with the same sockets in none.
 */
export const sweep: Bench = { ids: ['G5-sweep', 'G5-sweep-flat'], run }

async function run(context: BenchContext): Promise<readonly Row[]> {
  const { engine, say } = context
  await using roomlog = await roomlogOf({ engine })
  const size = { users: MOST / ROOMS_EACH, rooms: MOST, membersEach: 1 }
  const { users, rooms } = await populate(roomlog.servers.postgres.url, size)
  say(`${rooms.length} rooms are there`)
  const url = roomlog.wsUrls[0] ?? ''
  const clients = await Promise.all(tokensOf(roomlog, users).map((token) => testClient(url, { token })))
  await sleep(SETTLE_MS)
  const idle = await busyShare(roomlog)
  say(`nothing joined: ${percent(idle)}`)
  const points: { x: number; y: number }[] = []
  let joined = 0
  let last = Number.NaN
  for (const count of ROOMS) {
    await join(clients, rooms.slice(joined, count), joined)
    joined = count
    last = (await busyShare(roomlog)) - idle
    points.push({ x: count, y: (last / count) * UNIT * 100 })
    say(`${count} rooms: ${percent(last)}`)
  }
  for (const client of clients) client.terminate()
  const about = {
    id: 'G5-sweep',
    what: `sweep of ${MOST} rooms, edge and PostgreSQL, % of a core per ${UNIT}`,
    target: { atMost: SHARE_OF_A_CORE * 100 },
  }
  return [
    figureRow(about, [(last / MOST) * UNIT * 100]),
    drawn(context, {
      id: 'G5-sweep-flat',
      title: 'sweep of an edge’s rooms',
      xLabel: 'rooms with a socket',
      yLabel: `% of a core per ${UNIT} rooms`,
      points,
    }),
  ]
}

/** Room r is that of user r modulo all. */
async function join(clients: readonly TestClient[], rooms: readonly string[], from: number): Promise<void> {
  const own = clients.map((): string[] => [])
  for (const [index, room] of rooms.entries()) own[(from + index) % clients.length]?.push(room)
  const before = answered(clients)
  for (const [index, client] of clients.entries()) {
    const list = own[index] ?? []
    for (let at = 0; at < list.length; at += ROOMS_PER_JOIN) {
      const rooms = list.slice(at, at + ROOMS_PER_JOIN).map((roomId) => ({ roomId }))
      client.send({ type: 'joinRooms', rooms })
    }
  }
  await until('all rooms joined', () => answered(clients) - before === rooms.length, JOIN_PATIENCE_MS)
  await sleep(SETTLE_MS)
}

function answered(clients: readonly TestClient[]): number {
  return clients.reduce(
    (sum, { frames }) => sum + frames.filter(({ type }) => type === 'joinedRoom').length,
    0,
  )
}

/** Of one core. */
async function busyShare(roomlog: Stack): Promise<number> {
  const pids = [roomlog.pidOf('ws-edge'), roomlog.servers.postgres.pid].filter((pid) => pid !== undefined)
  const [used, atMs] = [await cpuUsedBy(pids), performance.now()]
  await sleep(MEASURED_MS)
  return ((await cpuUsedBy(pids)) - used) / 1000 / (performance.now() - atMs)
}

function percent(share: number): string {
  return `${(share * 100).toFixed(2)} % of a core`
}
