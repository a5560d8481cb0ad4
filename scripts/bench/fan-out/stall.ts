import { inRounds } from '../rounds.ts'
import { type Bench, type BenchContext, figureRow, type Row } from '../row.ts'
import { Crowd } from './crowd.ts'
import { BenchEdge } from './edge.ts'

const SOCKETS = 10_000
const MESSAGES = 3

/**
 * The longest turn of the event loop while one message goes to 10 000 sockets: what any other frame waits for at most.
 * Turns are told by a chain of `setImmediate`, which sees each of them; `monitorEventLoopDelay` looks by a timer, which
 * rounds to milliseconds and misses what falls between two looks.
 */
export const stall: Bench = { ids: ['A8'], run }

async function run({ say, rounds }: BenchContext): Promise<readonly Row[]> {
  say(`${SOCKETS} sockets connect`)
  await using crowd = await Crowd.open(SOCKETS)
  await using edge = new BenchEdge(crowd)
  const { longest } = await inRounds(rounds, { longest: () => longestTurnMs(crowd, edge) }, say)
  const what = `longest turn of the event loop while a message goes to ${SOCKETS} sockets, ms`
  return [figureRow({ id: 'A8', what, target: { atMost: 25 } }, longest)]
}

async function longestTurnMs(crowd: Crowd, edge: BenchEdge): Promise<number> {
  return edge.inRooms([edge.connections], async ([writer]) => {
    const told = writer?.next(MESSAGES) ?? []
    const turns = watchTurns()
    for (const one of told) {
      edge.hear([one])
      await crowd.readers.received(one.frame.length * SOCKETS)
    }
    return turns.stop()
  })
}

function watchTurns() {
  let [longestMs, atMs] = [0, performance.now()]
  let next = setImmediate(look)
  function look(): void {
    const nowMs = performance.now()
    longestMs = Math.max(longestMs, nowMs - atMs)
    atMs = nowMs
    next = setImmediate(look)
  }
  return {
    /** Answers the longest, in ms. */
    stop: () => {
      clearImmediate(next)
      return longestMs
    },
  }
}
