import { costOf } from '../fan-out/cost.ts'
import { Crowd } from '../fan-out/crowd.ts'
import { BenchEdge } from '../fan-out/edge.ts'
import { bytesOf } from '../fan-out/raw.ts'
import type { Bench, BenchContext, Row } from '../row.ts'
import { drawn, pointsOf } from './curve.ts'

const SIZES = [10, 100, 1_000, 10_000] as const
const MOST = 10_000
/** In one measure, of each size. */
const DELIVERIES = 20_000

/** What a message costs an edge for each socket that it goes to, one message at a time, by how many sockets the room has. */
export const members: Bench = { ids: ['G5-members'], run }

async function run(context: BenchContext): Promise<readonly Row[]> {
  context.say(`${MOST} sockets connect`)
  await using crowd = await Crowd.open(MOST)
  await using edge = new BenchEdge(crowd)
  const points = await pointsOf(context, SIZES, (size) => costOfDelivery(crowd, edge, size))
  return [
    drawn(context, {
      id: 'G5-members',
      title: 'a message to a room',
      xLabel: 'members with a socket',
      yLabel: 'CPU µs of the edge for each',
      points,
    }),
  ]
}

async function costOfDelivery(crowd: Crowd, edge: BenchEdge, size: number): Promise<number> {
  return edge.inRooms([edge.connections.slice(0, size)], async ([writer]) => {
    const messages = writer?.next(DELIVERIES / size) ?? []
    const { cpu } = await costOf(DELIVERIES, async () => {
      for (const message of messages) {
        edge.hear([message])
        await crowd.readers.received(bytesOf([message]) * size)
      }
    })
    return cpu
  })
}
