import { inRounds } from '../rounds.ts'
import type { Bench, BenchContext, Row } from '../row.ts'
import { costOf, rateRow } from './cost.ts'
import { Crowd } from './crowd.ts'
import { BenchEdge } from './edge.ts'
import { concatenated, written } from './raw.ts'

const SOCKETS = 1000
const ROOMS = 64
const ROOMS_OF_EACH = 16
const TIMES = 8

/**
 * 64 rooms, of which each of 1000 sockets is in 16, in 64 different mixes; one batch of the log brings a message in each
 * room. Otherwise as `oneRoom`.
 */
export const mixes: Bench = { ids: ['A4'], run }

async function run({ say, rounds }: BenchContext): Promise<readonly Row[]> {
  say(`${SOCKETS} sockets connect`)
  await using crowd = await Crowd.open(SOCKETS)
  await using edge = new BenchEdge(crowd)
  const costs = await inRounds(
    rounds,
    {
      roomlog: () => mixed(crowd, edge),
      write: () => written(crowd, TIMES, ROOMS_OF_EACH, concatenated),
    },
    say,
  )
  const what = `${ROOMS_OF_EACH} messages from as many rooms to each of ${SOCKETS} sockets, deliveries a CPU-second; limit: raw write of ${ROOMS_OF_EACH} concatenated`
  return [rateRow({ id: 'A4', what, target: { atLeast: 0.5 } }, costs.write, costs.roomlog)]
}

async function mixed(crowd: Crowd, edge: BenchEdge): Promise<number> {
  // 5 and 7 share no factor with the number of rooms: each socket is in exactly so many, and its neighbour in others.
  const isIn = (socket: number, room: number) =>
    ((((room - socket * 7) * 5) % ROOMS) + ROOMS) % ROOMS < ROOMS_OF_EACH
  const members = Array.from({ length: ROOMS }, (_, room) =>
    edge.connections.filter((_connection, socket) => isIn(socket, room)),
  )
  return edge.inRooms(members, async (writers) => {
    const batches = Array.from({ length: TIMES }, () => writers.flatMap((writer) => writer.next(1)))
    const { cpu } = await costOf(TIMES * ROOMS_OF_EACH * SOCKETS, async () => {
      for (const batch of batches) {
        const bytes = batch.reduce(
          (sum, { frame }, room) => sum + frame.length * (members[room]?.length ?? 0),
          0,
        )
        edge.hear(batch)
        await crowd.readers.received(bytes)
      }
    })
    return cpu
  })
}
