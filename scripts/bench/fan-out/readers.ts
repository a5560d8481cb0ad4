/** A process of sockets that do nothing but read and count. */
import { setTimeout as delay } from 'node:timers/promises'
import { maskedText } from '../../raw-websocket.ts'
import { answerOrders } from '../child.ts'
import { openRawClients, type RawClientOptions } from './raw-client.ts'

export interface ReadersOptions extends RawClientOptions {
  readonly size: number
  /** Text that each sends once it is connected. */
  readonly hello?: string
}

export type ReadersOrder =
  /** Answered when all are connected. */
  | { readonly do: 'open'; readonly options: ReadersOptions }
  /** Answered when nothing comes any more; it is counted anew from then on. */
  | { readonly do: 'settle' }
  /** Answered when so many bytes have come, all sockets together. */
  | { readonly do: 'expect'; readonly bytes: number }

const QUIET_MS = 200

let received = 0
let expected: { readonly bytes: number; readonly come: () => void } | undefined

async function open({ size, hello, ...where }: ReadersOptions): Promise<void> {
  const sockets = await openRawClients(size, where, ({ length }) => {
    received += length
    look()
  })
  if (hello !== undefined) for (const socket of sockets) socket.write(maskedText(hello))
}

async function settle(): Promise<void> {
  let before = -1
  while (received !== before) {
    before = received
    await delay(QUIET_MS)
  }
  received = 0
}

function expect(bytes: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  expected = { bytes, come: resolve }
  look()
  return promise
}

function look(): void {
  if (expected === undefined || received < expected.bytes) return
  expected.come()
  expected = undefined
}

answerOrders<ReadersOrder>((order) => {
  if (order.do === 'open') return open(order.options)
  return order.do === 'settle' ? settle() : expect(order.bytes)
})
