import type { Socket } from 'node:net'
import { patchOnce } from './patch.ts'

interface Connection {
  readonly socket: Socket | undefined
  /** Of a reply that has come in part. */
  chunks: Buffer[]
  bytesBuffered: number
  bytesNeeded: number
  isConnected(): boolean
  connect(): Promise<boolean>
  disconnect(): Promise<boolean>
  send(request: object): Promise<unknown>
  processData(data: Buffer): Promise<void>
}

/** Of the length that a reply begins with. */
const LENGTH_BYTES = 4
const connecting = new WeakMap<Connection, Promise<boolean>>()
const heardAtMs = new WeakMap<Connection, number>()

/**
 * A connection of kafkajs is one object for all the sockets that it has in its life, and forgets none of them: half a reply
 * of the last one is put before what comes on the next, which then never makes sense again; the end of one that was given up
 * ends the one that is in use; and one on which nothing comes any more is kept for as long as the kernel tries, a quarter of
 * an hour. Here each socket begins afresh and goes when it is given up, and is given up when a request went unanswered and
 * nothing else was heard since it was sent.
 */
export const renewSockets = patchOnce<Connection>('network/connection', (prototype) => {
  const { connect, disconnect, send, processData } = prototype
  prototype.connect = function connectAfresh() {
    if (this.isConnected()) return connect.call(this)
    const begun = connecting.get(this)
    if (begun !== undefined) return begun
    this.chunks = []
    this.bytesBuffered = 0
    this.bytesNeeded = LENGTH_BYTES
    const connected = connect.call(this).finally(() => connecting.delete(this))
    connecting.set(this, connected)
    return connected
  }
  prototype.disconnect = async function disconnectForGood() {
    const { socket } = this
    const isDone = await disconnect.call(this)
    socket?.destroy()
    return isDone
  }
  prototype.processData = function hear(data) {
    heardAtMs.set(this, performance.now())
    return processData.call(this, data)
  }
  prototype.send = async function sendOrDrop(request) {
    const { socket } = this
    const sentAtMs = performance.now()
    try {
      return await send.call(this, request)
    } catch (error) {
      const isSilent = (heardAtMs.get(this) ?? 0) < sentAtMs
      if (isSilent && error instanceof Error && error.name === 'KafkaJSRequestTimeoutError')
        socket?.destroy(error)
      throw error
    }
  }
})
