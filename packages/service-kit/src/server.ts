import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import Fastify, { type FastifyInstance, LogController } from 'fastify'
import { serializerCompiler, validatorCompiler } from 'fastify-type-provider-zod'
import { answerBadPath, answerClientError, errorHandler, type IsUnavailable } from './error-handler.ts'
import { ApiError } from './errors.ts'
import type { Logger } from './logger.ts'
import type { Registry } from './metrics.ts'
import { measureRequests } from './request-metrics.ts'

export interface ServerOptions {
  readonly log: Logger
  readonly isUnavailable: IsUnavailable
  /** Gets the figures of requests. */
  readonly metrics: Registry
  /** Whose `X-Forwarded-For` is believed: false, or addresses and networks. */
  readonly trustProxy?: boolean | string[]
  /**
   * Which requests may become something else; default: those that ask for it, where somebody listens. Their connections leave
   * the server's care, its time-outs too: any other that asks is a request like all.
   */
  readonly isUpgrade?: (request: IncomingMessage) => boolean
  /** Milliseconds until a request that is still not answered gets 503, however many waits its work is made of; default: no bound. */
  readonly handlerTimeoutMs?: number
}

const BODY_LIMIT_BYTES = 32_768
const HEADERS_TIMEOUT_MS = 10_000
const REQUEST_TIMEOUT_MS = 15_000
const KEEP_ALIVE_TIMEOUT_MS = 65_000
const CONNECTIONS_CHECK_MS = 1_000
const MAX_REQUESTS_PER_SOCKET = 10_000

/** The Fastify instance of every service: strict schemas, one shape of errors, bounded time and size for all input. */
export async function createServer(options: ServerOptions): Promise<FastifyInstance> {
  const app = Fastify({
    loggerInstance: options.log,
    trustProxy: options.trustProxy ?? false,
    bodyLimit: BODY_LIMIT_BYTES,
    requestTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
    maxRequestsPerSocket: MAX_REQUESTS_PER_SOCKET,
    // The header's and request's time-outs are looked at this often; Node's default is 30 s.
    http: {
      headersTimeout: HEADERS_TIMEOUT_MS,
      connectionsCheckingInterval: CONNECTIONS_CHECK_MS,
      // Node's own answer would be an empty one.
      requireHostHeader: false,
      ...(options.isUpgrade === undefined ? {} : { shouldUpgradeCallback: options.isUpgrade }),
    },
    // Fastify bounds the hooks of a stop by it, too, 10 s if nothing is said: a drain may take longer, and who runs the
    // service bounds the stop.
    pluginTimeout: 0,
    genReqId: () => randomUUID(),
    logController: new LogController({ disableRequestLogging: true }),
    ...(options.handlerTimeoutMs === undefined ? {} : { handlerTimeout: options.handlerTimeoutMs }),
    frameworkErrors: answerBadPath,
    clientErrorHandler: answerClientError,
    // While it closes the server has no new connections; what comes on those it had is still answered.
    return503OnClosing: false,
    forceCloseConnections: 'idle',
  }) as unknown as FastifyInstance
  // JSON is the one media type: Fastify would take text too.
  app.removeContentTypeParser('text/plain')
  app.setValidatorCompiler(validatorCompiler)
  app.setSerializerCompiler(serializerCompiler)
  await app.register(errorHandler, { isUnavailable: options.isUnavailable })
  abortWithConnection(app)
  app.addHook('onRequest', async (request, reply) => {
    reply.header('x-request-id', request.id)
    if (request.headers.host === undefined && request.raw.httpVersion === '1.1') {
      throw new ApiError('validation_failed', 'the host header is missing')
    }
  })
  // Expectations may be ignored (RFC 9110, 10.1.1); Node's own answer would be an empty one.
  app.server.on('checkExpectation', (request, response) => app.server.emit('request', request, response))
  endConnectionsWhileClosing(app)
  measureRequests(app, options.metrics)
  app.addHook('onResponse', async (request, reply) => {
    const { method, url, ip } = request
    const path = url.split('?', 1)[0]
    request.log.debug({ method, path, ip, status: reply.statusCode, ms: reply.elapsedTime }, 'request')
  })
  return app
}

/**
 * Fastify takes the close of a request for the end of its client, but Node closes one when its body has been read: its
 * time-out would be off, and its signal aborted, before its handler begins. The answer closes with the connection.
 */
function abortWithConnection(app: FastifyInstance): void {
  app.addHook('onRequest', async ({ raw }, reply) => {
    for (const listener of raw.listeners('close') as (() => void)[]) {
      if (listener.name !== 'onAbort') continue
      raw.off('close', listener)
      // An answer that was written whole aborts nothing: an error with its stack for each would be in vain.
      reply.raw.once('close', () => {
        if (!reply.raw.writableFinished) listener()
      })
    }
  })
}

/** A connection that outlives the request it had while the server began to close would keep it open until its time-out. */
function endConnectionsWhileClosing(app: FastifyInstance): void {
  let closing = false
  app.addHook('preClose', async () => {
    closing = true
  })
  app.addHook('onSend', async (_request, reply) => {
    if (closing) reply.header('connection', 'close')
  })
  // For answers that had begun before.
  app.addHook('onResponse', async () => {
    if (closing) app.server.closeIdleConnections()
  })
}
