import {
  BEARER_SUBPROTOCOL_PREFIX,
  CLOSE_CODES,
  HEARTBEAT_INTERVAL_MS,
  type Limits,
  newId,
  SUBPROTOCOL,
} from '@roomlog/protocol'
import type { Identity } from '@roomlog/service-kit'
import type { FastifyBaseLogger, FastifyReply, FastifyRequest } from 'fastify'
import type { RawData, WebSocket } from 'ws'
import type { EdgeMetrics, SocketRefusal } from '../metrics.ts'
import { Connection, type Handshake } from './connection.ts'
import type { Connections } from './connections.ts'
import { socketFailed } from './failed.ts'
import { identify } from './identify.ts'

export interface AcceptOptions {
  readonly connections: Connections
  readonly limits: Limits
  readonly epoch: () => string
  readonly isDraining: () => boolean
  readonly onFrame: (connection: Connection, text: string) => void
  readonly onOpen: (connection: Connection) => void
  readonly onClose: (connection: Connection) => void
  readonly metrics: EdgeMetrics
  readonly log: FastifyBaseLogger
}

/** A client may close with any code: each would be a series of its own. */
const KNOWN_CODES: ReadonlySet<number> = new Set(Object.values(CLOSE_CODES).map(({ code }) => code))
const AUTHORIZATION = /^Bearer ([^ ]+)$/i

/**
 * The handler of an upgraded socket. Never awaits: its first frames may have come in the packet of the handshake. What
 * listens to a socket is the same for all: a closure for each would hold its request, with its token, for as long.
 */
export function accept(options: AcceptOptions) {
  const { connections, limits, metrics, log } = options
  const accepted = new WeakMap<WebSocket, Connection>()

  return (ws: WebSocket, request: FastifyRequest): void => {
    const identity = identify(request.server, tokenOf(request))
    const by = { reqId: request.id, ip: request.ip, userId: identity?.userId }
    const refusal = refusalOf(ws, identity)
    if (identity === undefined || refusal !== undefined) {
      refuse(ws, by, refusal ?? 'unauthenticated')
      return
    }
    const connection = new Connection(ws, request.socket, {
      id: newId(),
      by,
      identity,
      framesPerSecond: limits.framesPerSecond,
    })
    accepted.set(ws, connection)
    // The plugin's listener holds the request.
    ws.removeAllListeners('error').on('error', onError)
    ws.on('message', onMessage).on('ping', mayCome).on('pong', mayCome).on('close', onClose)
    metrics.handshakes.inc({ result: 'accepted' })
    connection.send({
      type: 'welcome',
      connectionId: connection.id,
      userId: connection.userId,
      serverTime: new Date().toISOString(),
      heartbeatIntervalMs: HEARTBEAT_INTERVAL_MS,
      tokenExpiresInMs: connection.expiresInMs,
      epoch: options.epoch(),
      limits,
    })
    connections.add(connection)
    options.onOpen(connection)
  }

  function refusalOf(ws: WebSocket, identity: Identity | undefined): SocketRefusal | undefined {
    if (identity === undefined) return 'unauthenticated'
    if (ws.protocol !== SUBPROTOCOL) return 'badProtocol'
    // Upgraded while the others were being counted.
    return options.isDraining() ? 'restart' : undefined
  }

  function refuse(ws: WebSocket, by: Handshake, reason: SocketRefusal): void {
    metrics.handshakes.inc({ result: reason })
    log.info({ ...by, reason }, 'socket refused')
    ws.on('close', (code) => closed(by, code))
    ws.close(CLOSE_CODES[reason].code, reason)
  }

  function closed(by: Handshake, code: number): void {
    metrics.closes.inc({ code: KNOWN_CODES.has(code) ? code : 'other' })
    log[code < CLOSE_CODES.badProtocol.code ? 'debug' : 'info']({ ...by, code }, 'socket closed')
  }

  function mayCome(this: WebSocket): boolean {
    const connection = accepted.get(this)
    // What was on its way when the socket was closed is not answered any more.
    if (connection?.isOpen !== true) return false
    connection.heard()
    if (connection.frames.take() === 0) return true
    connection.close('limitExceeded')
    return false
  }

  function onMessage(this: WebSocket, data: RawData, isBinary: boolean): void {
    const connection = accepted.get(this)
    if (connection === undefined || !mayCome.call(this)) return
    if (isBinary) {
      connection.close('binary')
      return
    }
    try {
      options.onFrame(connection, String(data))
    } catch (err) {
      // A fault of ours, but no frame may end the process, and all other sockets with it.
      log.error({ err, ...connection.by }, 'a frame could not be handled')
      connection.close('internal')
    }
  }

  function onClose(this: WebSocket, received: number): void {
    const connection = accepted.get(this)
    if (connection === undefined) return
    // Who does not read does not answer a close either, and its own code is that of a lost connection.
    closed(connection.by, connection.closedWith ?? received)
    connections.remove(connection)
    options.onClose(connection)
  }

  function onError(this: WebSocket, error: Error): void {
    const { ip = '', ...by } = accepted.get(this)?.by ?? {}
    socketFailed(error, this, { log: log.child(by), ip })
  }
}

/**
 * A `preHandler`. What is upgraded `ws` answers: a socket that had a response would hold it, and its request, for good. Its
 * answer and the first frame leave together.
 */
export function beforeUpgrade(request: FastifyRequest, reply: FastifyReply, done: () => void): void {
  if (request.ws) {
    const { socket } = request.raw
    reply.raw.detachSocket(socket)
    socket.cork()
    process.nextTick(() => socket.uncork())
  }
  done()
}

/** Ours, else any but a token: a browser whose offer is not answered at all hears no close code. */
export function chooseSubprotocol(offered: ReadonlySet<string>): string | false {
  if (offered.has(SUBPROTOCOL)) return SUBPROTOCOL
  return [...offered].find((protocol) => !protocol.startsWith(BEARER_SUBPROTOCOL_PREFIX)) ?? false
}

function tokenOf({ headers }: FastifyRequest): string {
  const bearer = AUTHORIZATION.exec(headers.authorization ?? '')?.[1]
  if (bearer !== undefined) return bearer
  const offered = (headers['sec-websocket-protocol'] ?? '').split(',').map((protocol) => protocol.trim())
  const token = offered.find((protocol) => protocol.startsWith(BEARER_SUBPROTOCOL_PREFIX))
  return token?.slice(BEARER_SUBPROTOCOL_PREFIX.length) ?? ''
}
