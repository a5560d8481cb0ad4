import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { newId } from '@roomlog/protocol'
import { WebSocketServer } from 'ws'
import { Child } from '../child.ts'
import { inRounds } from '../rounds.ts'
import type { Bench, BenchContext, Row } from '../row.ts'
import { costOf, rateRow } from './cost.ts'
import type { SendersOptions, SendersOrder } from './senders.ts'
import { wholeEdge } from './whole-edge.ts'

const SOCKETS = 1000
const FRAMES = 40_000
const BODY = 'Shall we meet at the station at half past six, or is that too early for you?'

/**
 * Frames that are answered, in a closed loop: each of 1000 sockets sends its next when its last was answered. The edge, whole
 * but for its log, acknowledges; the limit is a server of `ws` that sends the same frames back unread. Both are in this
 * process, their clients in processes of their own.
 */
export const acks: Bench = { ids: ['B2'], run }

async function run({ say, rounds }: BenchContext): Promise<readonly Row[]> {
  say('an edge starts')
  await using edge = await wholeEdge()
  const { port, path, headers, roomId } = edge
  await using echo = await echoServer()
  const frame = JSON.stringify({ type: 'sendMessage', roomId, clientMsgId: newId(), body: BODY })
  say(`${SOCKETS} sockets connect to each`)
  await using toEdge = await Senders.open({ port, path, headers, size: SOCKETS, frame })
  await using toEcho = await Senders.open({ port: echo.port, path: '/', size: SOCKETS, frame })
  const costs = await inRounds(rounds, { edge: () => toEdge.run(), echo: () => toEcho.run() }, say)
  const what = `frames acknowledged a CPU-second, ${SOCKETS} sockets in a closed loop; limit: ws echo of the same`
  return [rateRow({ id: 'B2', what, target: { atLeast: 0.85 } }, costs.echo, costs.edge)]
}

class Senders implements AsyncDisposable {
  readonly #child = new Child<SendersOrder>(new URL('./senders.ts', import.meta.url))

  static async open(options: SendersOptions): Promise<Senders> {
    const senders = new Senders()
    await senders.#child.ask({ do: 'open', options })
    return senders
  }

  /** CPU µs of this process, for each frame. */
  async run(): Promise<number> {
    return (await costOf(FRAMES, () => this.#child.ask<void>({ do: 'run', frames: FRAMES }))).cpu
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#child[Symbol.asyncDispose]()
  }
}

async function echoServer() {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: false })
  server.on('connection', (socket) => {
    socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }))
  })
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: async () => {
      for (const socket of server.clients) socket.terminate()
      server.close()
      await once(server, 'close')
    },
  }
}
