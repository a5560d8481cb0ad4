import { inRounds } from '../rounds.ts'
import { type Bench, type BenchContext, figureRow, type Row, ratioRow } from '../row.ts'
import { costOf, rateRow } from './cost.ts'
import { Crowd } from './crowd.ts'
import { BenchEdge, Writer } from './edge.ts'
import { bytesOf, concatenated, oneByOne, written } from './raw.ts'
import { SocketIoRoom } from './socket-io.ts'

const MEMBERS = 5000
const BURST = 16
/** So often in one measure. */
const SINGLES = 10
const BURSTS = 4

interface Measured extends Pick<BenchContext, 'rounds' | 'say'> {
  readonly crowd: Crowd
  readonly edge: BenchEdge
  readonly socketIo: SocketIoRoom
}

/**
 * A room of 5000 sockets: real ones, whose other ends read in a process of their own. The server's end is this process, whose
 * CPU is counted. A message (or burst) is sent when the readers have every byte of the one before, and the measure ends when
 * they have the last. The limits are written to the very sockets that the product serves, but for socket.io's, which has
 * as many of its own.
 */
export const oneRoom: Bench = { ids: ['A1', 'A2', 'A3', 'A3-ws', 'A5', 'A5-16'], run }

async function run({ rounds, say, isWanted }: BenchContext): Promise<readonly Row[]> {
  say(`${MEMBERS} sockets connect`)
  await using crowd = await Crowd.open(MEMBERS)
  await using edge = new BenchEdge(crowd)
  say(`${MEMBERS} sockets connect to socket.io`)
  await using socketIo = await SocketIoRoom.open(MEMBERS)
  const measured = { rounds, say, crowd, edge, socketIo }
  return [
    ...(['A1', 'A2', 'A5'].some(isWanted) ? await singles(measured) : []),
    ...(['A3', 'A3-ws', 'A5-16'].some(isWanted) ? await bursts(measured) : []),
  ]
}

async function singles({ rounds, say, crowd, edge, socketIo }: Measured): Promise<readonly Row[]> {
  const userUs: number[] = []
  const { roomlog, write, other } = await inRounds(
    rounds,
    {
      roomlog: async () => {
        const { cpu, user } = await told(crowd, edge, SINGLES, 1)
        userUs.push(user)
        return cpu
      },
      write: () => written(crowd, SINGLES, 1, concatenated),
      other: () => emitted(socketIo, SINGLES, 1),
    },
    say,
  )
  const what = `a message to a room of ${MEMBERS}`
  // The round that warms up does not count.
  const countedUs = userUs.slice(1)
  return [
    ratioRow(
      { id: 'A1', what: `${what}, CPU µs a socket; limit: net.Socket.write`, target: { atMost: 1.25 } },
      write,
      roomlog,
    ),
    figureRow(
      { id: 'A2', what: `${what}, CPU µs a socket outside of the kernel`, target: { atMost: 2.5 } },
      countedUs,
    ),
    rateRow(
      { id: 'A5', what: `${what}, deliveries a CPU-second; limit: socket.io`, target: { atLeast: 1.6 } },
      other,
      roomlog,
    ),
  ]
}

async function bursts({ rounds, say, crowd, edge, socketIo }: Measured): Promise<readonly Row[]> {
  const { roomlog, write, send, other } = await inRounds(
    rounds,
    {
      roomlog: async () => (await told(crowd, edge, BURSTS, BURST)).cpu,
      write: () => written(crowd, BURSTS, BURST, concatenated),
      send: () => written(crowd, 1, BURST, oneByOne),
      other: () => emitted(socketIo, 1, BURST),
    },
    say,
  )
  const what = `${BURST} messages to a room of ${MEMBERS}, deliveries a CPU-second`
  return [
    rateRow(
      { id: 'A3', what: `${what}; limit: raw write of the ${BURST} concatenated`, target: { atLeast: 0.75 } },
      write,
      roomlog,
    ),
    rateRow({ id: 'A3-ws', what: `${what}; limit: ws.send of each`, target: { atLeast: 8 } }, send, roomlog),
    rateRow({ id: 'A5-16', what: `${what}; limit: socket.io`, target: { atLeast: 12 } }, other, roomlog),
  ]
}

/** The product's. A room of its own, for each measure. */
async function told(crowd: Crowd, edge: BenchEdge, times: number, burst: number) {
  return edge.inRooms([edge.connections], async ([writer]) => {
    const batches = Array.from({ length: times }, () => writer?.next(burst) ?? [])
    return costOf(times * burst * MEMBERS, async () => {
      for (const batch of batches) {
        edge.hear(batch)
        await crowd.readers.received(bytesOf(batch) * MEMBERS)
      }
    })
  })
}

async function emitted(room: SocketIoRoom, times: number, burst: number): Promise<number> {
  await room.readers.settle()
  const writer = new Writer()
  const batches = Array.from({ length: times }, () => writer.next(burst).map(({ message }) => message))
  const { cpu } = await costOf(times * burst * MEMBERS, async () => {
    for (const batch of batches) {
      let bytes = 0
      for (const message of batch) bytes += room.emit(message)
      await room.readers.received(bytes * MEMBERS)
    }
  })
  return cpu
}
