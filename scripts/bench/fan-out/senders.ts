import { maskedText } from '../../raw-websocket.ts'
import { openRawClients, type RawClientOptions } from './raw-client.ts'

/** What the process is started with, as JSON in its only argument. */
export interface SendersOptions extends RawClientOptions {
  readonly size: number
  /** Sent again and again. */
  readonly frame: string
}

/** `run` sends so many frames, all sockets together: each sends its next when its last was answered. */
export type ToSenders = { readonly type: 'run'; readonly frames: number }
export type FromSenders = { readonly type: 'connected' | 'answered' }

const [OPCODE, TEXT, LENGTH, LENGTH_IN_2] = [0x0f, 1, 0x7f, 126] as const

const { size, frame, ...where }: SendersOptions = JSON.parse(process.argv[2] ?? '')
const masked = maskedText(frame)
let [unsent, unanswered] = [0, 0]

const sockets = await openRawClients(size, where, (bytes, socket) => {
  for (let answers = textFramesIn(bytes); answers > 0 && unanswered > 0; answers -= 1) {
    unanswered -= 1
    if (unsent > 0) {
      unsent -= 1
      socket.write(masked)
    }
    if (unanswered === 0) tell({ type: 'answered' })
  }
})
tell({ type: 'connected' })
process.on('message', ({ frames }: ToSenders) => {
  unanswered = frames
  unsent = frames
  for (const socket of sockets.slice(0, frames)) {
    unsent -= 1
    socket.write(masked)
  }
})
process.on('disconnect', () => process.exit())

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

function tell(message: FromSenders): void {
  process.send?.(message)
}
