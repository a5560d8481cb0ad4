import { setTimeout as delay } from 'node:timers/promises'
import { maskedText } from '../../raw-websocket.ts'
import { openRawClients, type RawClientOptions } from './raw-client.ts'

/** What the process is started with, as JSON in its only argument. */
export interface ReadersOptions extends RawClientOptions {
  readonly size: number
  /** Text that each sends once it is connected. */
  readonly hello?: string
}

/** `settle` waits until nothing comes any more and counts anew from then on; `expect` waits until so many bytes have come, all sockets together. */
export type ToReaders = { readonly type: 'settle' } | { readonly type: 'expect'; readonly bytes: number }
export type FromReaders = { readonly type: 'connected' | 'settled' | 'received' }

const QUIET_MS = 200

// Sockets that do nothing but read and count.
const { size, hello, ...where }: ReadersOptions = JSON.parse(process.argv[2] ?? '')
let received = 0
let expected = Number.POSITIVE_INFINITY

const sockets = await openRawClients(size, where, ({ length }) => {
  received += length
  look()
})
if (hello !== undefined) for (const socket of sockets) socket.write(maskedText(hello))
tell({ type: 'connected' })
process.on('message', (message: ToReaders) => {
  if (message.type === 'settle') void settle()
  else {
    expected = message.bytes
    look()
  }
})
process.on('disconnect', () => process.exit())

async function settle(): Promise<void> {
  let before = -1
  while (received !== before) {
    before = received
    await delay(QUIET_MS)
  }
  received = 0
  tell({ type: 'settled' })
}

function look(): void {
  if (received < expected) return
  expected = Number.POSITIVE_INFINITY
  tell({ type: 'received' })
}

function tell(message: FromReaders): void {
  process.send?.(message)
}
