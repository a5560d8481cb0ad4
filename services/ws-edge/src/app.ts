import websocket from '@fastify/websocket'
import { isUnavailable } from '@roomlog/db'
import { clientFrameSchemas, TOKEN_AUDIENCES, TOKEN_ISSUER, TOKEN_TYPE, WS_PATH } from '@roomlog/protocol'
import { createLogger, createServer, health, type Logger, tokens } from '@roomlog/service-kit'
import type { FastifyInstance } from 'fastify'
import type { Config } from './config.ts'
import { createEdge, type Edge, type EdgeOverrides } from './edge.ts'
import { receive } from './frames/receive.ts'
import { accept, beforeUpgrade, chooseSubprotocol } from './sockets/accept.ts'
import { closeSpread } from './sockets/drain.ts'
import { socketFailed } from './sockets/failed.ts'
import { gate } from './sockets/gate.ts'
import { identify } from './sockets/identify.ts'
import { isUpgrade } from './sockets/is-upgrade.ts'

/** Of `ws`. */
const SOCKET_OPTIONS = {
  maxFragments: 64,
  perMessageDeflate: false,
  clientTracking: false,
  /** Milliseconds that a closed socket waits for the client's own close before it is cut. */
  closeTimeout: 2_000,
  handleProtocols: chooseSubprotocol,
}

export interface Overrides extends EdgeOverrides {
  readonly log?: Logger
}

/** An edge: browser sockets on one side; the log, the database and the live store on the other. */
export async function buildApp(config: Config, overrides: Overrides = {}): Promise<FastifyInstance> {
  const log = overrides.log ?? createLogger({ name: 'ws-edge', level: config.logLevel })
  if (config.database.role === undefined) log.warn('DATABASE_ROLE is not set: working as the login itself')
  const edge = createEdge(config, log, overrides)

  const app = await createServer({
    log,
    isUnavailable,
    metrics: edge.registry,
    trustProxy: config.trustProxy,
    isUpgrade,
  })
  await app.register(tokens, {
    issuer: TOKEN_ISSUER,
    audience: TOKEN_AUDIENCES.ws,
    type: TOKEN_TYPE,
    publicKeys: config.publicKeys,
  })
  await app.register(health, {
    checks: edge.checks,
    optional: ['redis'],
    notReady: edge.notReady,
    metrics: edge.registry,
  })
  await serveSockets(app, config, edge)

  app.addHook('onReady', async () => edge.start())
  app.addHook('onClose', () => edge.stop())
  return app
}

/** The route of the sockets, from the handshake to the drain. */
async function serveSockets(app: FastifyInstance, config: Config, edge: Edge): Promise<void> {
  const { limits } = config
  let isDraining = false
  await app.register(websocket, {
    options: { ...SOCKET_OPTIONS, maxPayload: limits.maxFrameBytes },
    errorHandler: socketFailed,
    preClose: async () => {
      isDraining = true
      await closeSpread([...edge.connections])
    },
  })

  const onRequest = gate({
    allowedOrigins: config.allowedOrigins,
    handshakes: config.handshakes,
    metrics: edge.metrics,
    closedFor: () => {
      if (isDraining) return 'this edge is about to stop'
      return edge.canAccept() ? undefined : 'this edge is not ready yet'
    },
  })
  const handler = accept({
    connections: edge.connections,
    limits,
    epoch: edge.epoch,
    isDraining: () => isDraining,
    onFrame: receive(
      { ...edge, limits, identify: (token) => identify(app, token) },
      clientFrameSchemas(limits),
    ),
    onOpen: (connection) => {
      edge.signals.opened(connection)
      edge.presence.opened(connection)
    },
    onClose: (connection) => {
      edge.rooms.leaveAll(connection)
      edge.signals.closed(connection)
      edge.presence.closed(connection)
    },
    metrics: edge.metrics,
    log: app.log,
  })
  app.get(WS_PATH, { websocket: true, onRequest, preHandler: beforeUpgrade }, handler)
}
