import { setTimeout as sleep } from 'node:timers/promises'
import { edgeBytes, memoryOf } from '../../chaos/memory.ts'
import type { Stack } from '../../chaos/stack.ts'
import { inhabitants } from '../population.ts'
import { roomlogOf } from '../roomlog.ts'
import { inRounds } from '../rounds.ts'
import { type Bench, type BenchContext, figureRow, median, type Row } from '../row.ts'
import { BareServer } from './bare-server.ts'
import { Clients } from './clients.ts'

const SOCKETS = 10_000
const ROOMS = 1_000
const SETTLE_MS = 2_000
const KB = 1000

/**
 * Resident memory for each of 10 000 sockets that are authenticated and joined, ten to a room: of the edge, and of a server
 * that is nothing but `ws` and knows nobody. Both begin anew each time; what they make once, at the first, is counted, too.
 */
export const memory: Bench = { ids: ['A6'], run }

async function run({ say, rounds }: BenchContext): Promise<readonly Row[]> {
  await using roomlog = await roomlogOf({ engine: 'embedded' })
  await using clients = new Clients()
  const size = { users: SOCKETS, rooms: ROOMS, membersEach: SOCKETS / ROOMS }
  const ends = await inhabitants(roomlog, size)
  const bare = ends.map(() => ({}))
  const { ws, edge } = await inRounds(
    rounds,
    {
      ws: async () => {
        await using server = await BareServer.start()
        return await perSocket(clients, server.url, bare, () => server.bytes())
      },
      edge: async () => {
        await restartEdge(roomlog)
        return perSocket(clients, roomlog.wsUrls[0] ?? '', ends, () => bytesOf(roomlog))
      },
    },
    say,
  )
  const what = `resident memory of an idle joined socket, of ${SOCKETS}, kB (\`ws\` alone: ${median(ws).toFixed(1)})`
  return [figureRow({ id: 'A6', what, target: { atMost: 13 } }, edge)]
}

async function perSocket(
  clients: Clients,
  url: string,
  ends: Parameters<Clients['open']>[1],
  bytes: () => Promise<number>,
): Promise<number> {
  const before = await bytes()
  await clients.open(url, ends)
  await sleep(SETTLE_MS)
  const after = await bytes()
  await clients.close()
  return (after - before) / ends.length / KB
}

async function restartEdge(roomlog: Stack): Promise<void> {
  for (const name of roomlog.edges) await roomlog.stop(name)
  await roomlog.startAll()
}

async function bytesOf(roomlog: Stack): Promise<number> {
  if ((await memoryOf(roomlog, roomlog.edges)).size === 0) throw new Error('the edge collected no garbage')
  return edgeBytes(roomlog)
}
