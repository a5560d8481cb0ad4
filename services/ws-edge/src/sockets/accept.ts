import {
  BEARER_SUBPROTOCOL_PREFIX,
  CLOSE_CODES,
  type CloseReason,
  HEARTBEAT_INTERVAL_MS,
  type Limits,
  newId,
  SUBPROTOCOL,
} from '@roomlog/protocol'
import type { Identity } from '@roomlog/service-kit'
import type { FastifyBaseLogger, FastifyRequest } from 'fastify'
import type { RawData, WebSocket } from 'ws'
import type { EdgeMetrics } from '../metrics.ts'
import { Connection } from './connection.ts'
import type { Connections } from './connections.ts'
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
}

/** A client may close with any code: each would be a series of its own. */
const KNOWN_CODES: ReadonlySet<number> = new Set(Object.values(CLOSE_CODES).map(({ code }) => code))
const AUTHORIZATION = /^Bearer ([^ ]+)$/i

/** The handler of an upgraded socket. Never awaits: its first frames may have come in the packet of the handshake. */
export function accept(options: AcceptOptions) {
  const { connections, limits, metrics } = options
  return (ws: WebSocket, request: FastifyRequest): void => {
    const { ip } = request
    const identity = identify(request.server, tokenOf(request))
    const userId = identity?.userId
    let connection: Connection | undefined
    ws.on('close', (received) => {
      // Who does not read does not answer a close either, and its own code is that of a lost connection.
      const code = connection?.closedWith ?? received
      metrics.closes.inc({ code: KNOWN_CODES.has(code) ? code : 'other' })
      request.log[code < CLOSE_CODES.badProtocol.code ? 'debug' : 'info'](
        { ip, userId, code },
        'socket closed',
      )
    })
    const refusal = refusalOf(ws, identity)
    if (identity === undefined || refusal !== undefined) {
      const reason = refusal ?? 'unauthenticated'
      metrics.handshakes.inc({ result: reason })
      request.log.info({ ip, userId, reason }, 'socket refused')
      ws.close(CLOSE_CODES[reason].code, reason)
      return
    }
    connection = new Connection(ws, request.socket, {
      id: newId(),
      identity,
      framesPerSecond: limits.framesPerSecond,
    })
    listen(ws, connection, request.log)
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

  function refusalOf(ws: WebSocket, identity: Identity | undefined): CloseReason | undefined {
    if (identity === undefined) return 'unauthenticated'
    if (ws.protocol !== SUBPROTOCOL) return 'badProtocol'
    // Upgraded while the others were being counted.
    return options.isDraining() ? 'restart' : undefined
  }

  function listen(ws: WebSocket, connection: Connection, log: FastifyBaseLogger): void {
    const mayCome = () => {
      // What was on its way when the socket was closed is not answered any more.
      if (!connection.isOpen) return false
      connection.heard()
      if (connection.frames.take() === 0) return true
      connection.close('limitExceeded')
      return false
    }
    ws.on('message', (data: RawData, isBinary: boolean) => {
      if (!mayCome()) return
      if (isBinary) {
        connection.close('binary')
        return
      }
      try {
        options.onFrame(connection, String(data))
      } catch (err) {
        // A fault of ours, but no frame may end the process, and all other sockets with it.
        log.error({ err, userId: connection.userId }, 'a frame could not be handled')
        connection.close('internal')
      }
    })
    ws.on('ping', mayCome)
    ws.on('pong', mayCome)
    ws.on('close', () => {
      connections.remove(connection)
      options.onClose(connection)
    })
  }
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
