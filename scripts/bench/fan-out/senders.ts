/** A process of sockets that each send a frame again when the last one was answered. */
import type { Socket } from 'node:net'
import { maskedText } from '../../raw-websocket.ts'
import { answerOrders } from '../child.ts'
import { openRawClients, type RawClientOptions } from './raw-client.ts'

export interface SendersOptions extends RawClientOptions {
  readonly size: number
  /** Sent again and again. */
  readonly frame: string
}

export type SendersOrder =
  /** Answered when all are connected. */
  | { readonly do: 'open'; readonly options: SendersOptions }
  /** Sends so many frames, all sockets together; answered when all of them are. */
  | { readonly do: 'run'; readonly frames: number }

const [OPCODE, TEXT, LENGTH, LENGTH_IN_2] = [0x0f, 1, 0x7f, 126] as const

let sockets: readonly Socket[] = []
let masked: Buffer = Buffer.alloc(0)
let [unsent, unanswered] = [0, 0]
let answered = () => {}

async function open({ size, frame, ...where }: SendersOptions): Promise<void> {
  masked = maskedText(frame)
  sockets = await openRawClients(size, where, (bytes, socket) => {
    for (let answers = textFramesIn(bytes); answers > 0 && unanswered > 0; answers -= 1) {
      unanswered -= 1
      if (unsent > 0) {
        unsent -= 1
        socket.write(masked)
      }
      if (unanswered === 0) answered()
    }
  })
}

function run(frames: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  answered = resolve
  unanswered = frames
  unsent = frames
  for (const socket of sockets.slice(0, frames)) {
    unsent -= 1
    socket.write(masked)
  }
  return promise
}

/** Of whole frames of less than 64 KiB, as a server sends them. */
function textFramesIn(bytes: Buffer): number {
  let [count, at] = [0, 0]
  while (at < bytes.length) {
    const short = (bytes[at + 1] ?? 0) & LENGTH
    const length = short === LENGTH_IN_2 ? 4 + bytes.readUInt16BE(at + 2) : 2 + short
    if (((bytes[at] ?? 0) & OPCODE) === TEXT) count += 1
    at += length
  }
  if (at !== bytes.length) throw new Error('a frame came in parts')
  return count
}

answerOrders<SendersOrder>((order) => (order.do === 'open' ? open(order.options) : run(order.frames)))
