import { randomUUID } from 'node:crypto'
import Fastify, { type FastifyInstance } from 'fastify'
import { serializerCompiler, validatorCompiler } from 'fastify-type-provider-zod'
import { errorHandler, type IsUnavailable } from './error-handler.ts'
import type { Logger } from './logger.ts'

export interface ServerOptions {
  readonly log: Logger
  readonly isUnavailable: IsUnavailable
  /** Whose `X-Forwarded-For` is believed: false, or addresses and networks. */
  readonly trustProxy?: boolean | string[]
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
    http: { headersTimeout: HEADERS_TIMEOUT_MS, connectionsCheckingInterval: CONNECTIONS_CHECK_MS },
    genReqId: () => randomUUID(),
    disableRequestLogging: true,
    return503OnClosing: true,
    forceCloseConnections: 'idle',
  }) as unknown as FastifyInstance
  app.setValidatorCompiler(validatorCompiler)
  app.setSerializerCompiler(serializerCompiler)
  await app.register(errorHandler, { isUnavailable: options.isUnavailable })
  app.addHook('onRequest', async (request, reply) => {
    reply.header('x-request-id', request.id)
  })
  app.addHook('onResponse', async (request, reply) => {
    const { method, url, ip } = request
    const path = url.split('?', 1)[0]
    request.log.debug({ method, path, ip, status: reply.statusCode, ms: reply.elapsedTime }, 'request')
  })
  return app
}
