import { connect, type Socket } from 'node:net'
import { type LaneState, lane, type Pace } from './lane.ts'
import type { WireProtocol } from './wire.ts'

/** What each direction does. */
export interface Course {
  readonly up: LaneState
  readonly down: LaneState
  readonly pace: Pace
}

/** Waits for a request whose reply it takes away. */
export interface Thief {
  readonly matches: (request: Buffer) => boolean
  readonly done: (lost: boolean) => void
}

export interface ConnectionOptions {
  readonly host: string
  readonly port: number
  readonly protocol: WireProtocol
  readonly onRequest: (request: Buffer) => void
  readonly changeReply: (reply: Buffer) => Buffer
  /** Reset when so many bytes have passed, of both directions together. */
  readonly resetAfterBytes: number
  /** Those who wait; whose request has come is taken out, and put back if the connection ends before the reply. */
  readonly thieves: Thief[]
  readonly onClose: () => void
}

/** A client's connection and the one to the server that is made for it. */
export interface Connection {
  follow(course: Course): void
  /** Both ends learn that it is over. */
  end(): void
  /** Both ends get an RST. */
  reset(): void
  /** Takes back what was to come of it. */
  spare(): void
  /** Neither end is told anything any more. */
  forget(): void
}

export function connection(client: Socket, options: ConnectionOptions): Connection {
  const { protocol, onRequest, changeReply, thieves } = options
  const server = connect(options.port, options.host)
  const sockets = [client, server]
  let bytesLeft = options.resetAfterBytes
  let robbed = false
  let theft: { readonly request: Buffer; readonly thief: Thief } | undefined

  const end = () => {
    for (const socket of sockets) socket.destroy()
  }
  const reset = () => {
    for (const socket of sockets) socket.resetAndDestroy()
  }
  const passTo = (socket: Socket) => (bytes: Buffer) => {
    if (socket.destroyed) return
    const passed = bytes.subarray(0, bytesLeft)
    bytesLeft -= passed.length
    if (bytesLeft > 0) socket.write(passed)
    else socket.write(passed, reset)
  }
  const requestsIn = protocol.messages()
  const requests = (chunk: Buffer) => {
    const found = requestsIn(chunk)
    for (const request of found) {
      onRequest(request)
      const waiting = theft === undefined ? thieves.findIndex(({ matches }) => matches(request)) : -1
      const [thief] = waiting < 0 ? [] : thieves.splice(waiting, 1)
      if (thief !== undefined) theft = { request, thief }
    }
    return found
  }
  const repliesIn = protocol.messages()
  const replies = (chunk: Buffer) => {
    const found: Buffer[] = []
    for (const reply of robbed ? [] : repliesIn(chunk)) {
      if (theft !== undefined && protocol.answers(theft.request, reply)) {
        theft.thief.done(true)
        theft = undefined
        robbed = true
        // What came before it still arrives.
        setImmediate(end)
        break
      }
      found.push(changeReply(reply))
    }
    return found
  }
  const up = lane(client, server, requests, passTo(server))
  const down = lane(server, client, replies, passTo(client))
  for (const socket of sockets) {
    socket
      .on('error', () => undefined)
      .on('close', () => {
        if (theft !== undefined) thieves.unshift(theft.thief)
        theft = undefined
        if (sockets.every(({ closed }) => closed)) options.onClose()
      })
  }
  return {
    follow: (course) => {
      up.set(course.up, course.pace)
      down.set(course.down, course.pace)
    },
    end,
    reset,
    spare: () => {
      bytesLeft = Number.POSITIVE_INFINITY
      theft?.thief.done(false)
      theft = undefined
    },
    forget: () => {
      for (const each of [up, down]) each.abandon()
    },
  }
}
