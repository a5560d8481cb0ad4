/**
 * A process of client ends: raw TCP that does a handshake, joins and then only keeps itself alive, so that thousands cost
 * less than the server that they are to load.
 */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { HEARTBEAT_INTERVAL_MS } from '@roomlog/protocol/wire'
import { END_OF_HEAD, maskedText, protocolHeader, UPGRADED, upgradeRequest } from '../../raw-websocket.ts'
import { answerOrders } from '../child.ts'

export interface ClientEnd {
  /** Undefined: the server greets nobody, and who is upgraded is in. */
  readonly token?: string
  /** Joined before it counts as in. */
  readonly roomId?: string
}

export type ClientOrder =
  | {
      readonly do: 'open'
      readonly url: string
      readonly ends: readonly ClientEnd[]
      readonly atOnce: number
    }
  | { readonly do: 'close' }

const PING = 0x89
const PONG = Buffer.from([0x8a, 0x80, 0, 0, 0, 0])
const HEARTBEAT = maskedText(JSON.stringify({ type: 'heartbeat' }))
const BEATS = 200
const [WELCOME, JOINED] = ['"welcome"', '"joinedRoom"']

const sockets: Socket[] = []
/** Sockets that have ended although nobody closed them. */
let lost = 0
let beat = 0

/** Resolves when it is in; rejects when the server does not let it. */
function open(url: URL, { token, roomId }: ClientEnd): Promise<Socket> {
  const { promise, resolve, reject } = Promise.withResolvers<Socket>()
  const tcp = connect({ host: url.hostname, port: Number(url.port), noDelay: true })
  let heard = ''
  let isAsked = false
  const onData = (data: Buffer) => {
    heard += data.toString('latin1')
    if (!heard.includes(END_OF_HEAD) || (token !== undefined && !heard.includes(WELCOME))) return
    if (!heard.startsWith(UPGRADED)) return reject(new Error(heard.slice(0, heard.indexOf('\r\n'))))
    if (roomId !== undefined && !isAsked) {
      isAsked = true
      tcp.write(maskedText(JSON.stringify({ type: 'joinRoom', roomId })))
    }
    if (roomId !== undefined && !heard.includes(JOINED)) return
    tcp.off('data', onData).on('data', answerPing)
    resolve(tcp)
  }
  tcp.on('data', onData)
  tcp.on('error', reject)
  tcp.once('close', () => {
    lost += 1
    reject(new Error(`closed: ${heard.slice(-200)}`))
  })
  tcp.write(upgradeRequest(url, [protocolHeader(token)]))
  return promise
}

/** Where nothing happens a ping comes alone, and all else may be left unread. */
function answerPing(this: Socket, data: Buffer): void {
  if (data[0] === PING) this.write(PONG)
}

async function openAll({ url, ends, atOnce }: Extract<ClientOrder, { do: 'open' }>): Promise<void> {
  const parsed = new URL(url)
  let next = 0
  const lane = async () => {
    for (let end = ends[next]; end !== undefined; end = ends[next]) {
      next += 1
      sockets.push(await open(parsed, end))
    }
  }
  await Promise.all(Array.from({ length: atOnce }, lane))
}

/** Without a close frame: the server notices that they are gone. */
async function closeAll(): Promise<void> {
  if (lost > 0) throw new Error(`${lost} sockets were closed by the server`)
  const open = sockets.splice(0)
  const closed = open.map((tcp) => once(tcp, 'close'))
  for (const tcp of open) tcp.destroy()
  await Promise.all(closed)
  lost = 0
}

// Answered with the milliseconds that it took.
answerOrders(async (order: ClientOrder) => {
  const startedAtMs = performance.now()
  await (order.do === 'open' ? openAll(order) : closeAll())
  return performance.now() - startedAtMs
})
setInterval(() => {
  beat = (beat + 1) % BEATS
  for (let i = beat; i < sockets.length; i += BEATS) sockets[i]?.write(HEARTBEAT)
}, HEARTBEAT_INTERVAL_MS / BEATS)
