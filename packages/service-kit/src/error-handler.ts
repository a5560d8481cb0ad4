import { randomUUID } from 'node:crypto'
import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import type { ErrorCode } from '@roomlog/protocol'
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod'
import { ApiError } from './errors.ts'
import { HeldRefusals } from './held-refusals.ts'
import { knownRoutes } from './known-routes.ts'

const RETRY_AFTER_S = 2

/** Tells an error of a dependency that is away (503) from a fault of ours (500); the service knows its drivers' errors. */
export type IsUnavailable = (error: unknown) => boolean

/** Every refusal and failure in one shape, `{error:{code,message,requestId,details?}}`; nothing inner is ever told. */
export const errorHandler = fp(
  async (app: FastifyInstance, options: { readonly isUnavailable: IsUnavailable }) => {
    const methodsOf = knownRoutes(app)
    const refusals = new HeldRefusals()
    app.addHook('preClose', async () => refusals.stop())
    app.setErrorHandler((error: FastifyError, request, reply) => {
      const isLate = error.code === HANDLER_TIMEOUT && request.raw.complete === false
      const known = isLate ? bodyTooLate(reply) : toApiError(error, options.isUnavailable)
      // What a handler refuses on purpose it has told of itself.
      if (known !== error && known.status >= 500) {
        request.log[known.code === 'internal' ? 'error' : 'warn']({ err: error }, 'request failed')
      }
      // A handler's own refusal of what comes too often, or beside too much else.
      const isHeld = known === error && known.retryAfterS !== undefined
      if (!isHeld) return answer(request, reply, known, detailsOf(error))
      refusals.hold(() => {
        if (!reply.sent) void answer(request, reply, known)
      })
      return undefined
    })
    const answerNoRoute = (request: FastifyRequest, reply: FastifyReply) => {
      const methods = methodsOf(pathOf(request))
      if (methods.length === 0) return answer(request, reply, new ApiError('not_found', 'no such route'))
      reply.header('allow', methods.join(', '))
      const refusal = new ApiError('method_not_allowed', 'this route does not take that method')
      return answer(request, reply, refusal)
    }
    app.setNotFoundHandler(answerNoRoute)
    // Before the body is looked at: what is wrong with it does not matter where nobody takes it.
    app.addHook('preParsing', async (request, reply) => {
      if (request.is404) await answerNoRoute(request, reply)
    })
  },
)

/** For paths that no route can be looked up for (Fastify's `frameworkErrors`). */
export function answerBadPath(_error: FastifyError, request: FastifyRequest, reply: FastifyReply): void {
  void reply.header('x-request-id', request.id)
  void answer(request, reply, new ApiError('validation_failed', 'malformed path'))
}

const BEFORE_ROUTES: ReadonlyMap<string | undefined, ErrorCode> = new Map<string, ErrorCode>([
  ['ERR_HTTP_REQUEST_TIMEOUT', 'request_timeout'],
  ['HPE_HEADER_OVERFLOW', 'headers_too_large'],
])

type ClientError = NodeJS.ErrnoException & { readonly rawPacket?: unknown }

/** For what never became a request (Node's `clientError`): slow, oversized or not HTTP. */
export function answerClientError(cause: ClientError, socket: Socket): void {
  if (cause.code === 'ECONNRESET' || socket.destroyed) return
  const code = BEFORE_ROUTES.get(cause.code) ?? 'validation_failed'
  const error = new ApiError(code, code === 'validation_failed' ? 'malformed request' : wordsOf(code))
  const [id, { status }] = [randomUUID(), error]
  const body = JSON.stringify(bodyOf(error, id))
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    'content-type: application/json; charset=utf-8',
    `content-length: ${Buffer.byteLength(body)}`,
    `x-request-id: ${id}`,
    'connection: close',
  ]
  // A body behind an answer to HEAD would be taken for the next answer.
  const isHead = Buffer.isBuffer(cause.rawPacket) && cause.rawPacket.indexOf('HEAD ') === 0
  if (socket.writable) socket.end(`${head.join('\r\n')}\r\n\r\n${isHead ? '' : body}`)
  socket.destroySoon()
}

function answer(request: FastifyRequest, reply: FastifyReply, error: ApiError, details?: unknown) {
  if (error.retryAfterS !== undefined) reply.header('retry-after', String(error.retryAfterS))
  return reply.code(error.status).send(bodyOf(error, request.id, details))
}

function bodyOf({ code, message }: ApiError, requestId: string, details?: unknown) {
  return { error: { code, message, requestId, ...(details === undefined ? {} : { details }) } }
}

function toApiError(error: FastifyError, isUnavailable: IsUnavailable): ApiError {
  if (error instanceof ApiError) return error
  if (hasZodFastifySchemaValidationErrors(error)) {
    return new ApiError('validation_failed', 'the request does not fit its schema', { cause: error })
  }
  const refused = REFUSALS.get(error.code)
  if (refused !== undefined) return new ApiError(refused, wordsOf(refused), { cause: error })
  if (error.statusCode !== undefined && error.statusCode >= 400 && error.statusCode < 500) {
    return new ApiError('validation_failed', 'malformed request', { cause: error })
  }
  if (error.code === HANDLER_TIMEOUT || (!isOfFramework(error) && isUnavailable(error))) {
    return new ApiError('unavailable', 'try again soon', { cause: error, retryAfterS: RETRY_AFTER_S })
  }
  return new ApiError('internal', 'something failed here', { cause: error })
}

const HANDLER_TIMEOUT = 'FST_ERR_HANDLER_TIMEOUT'

/** Nothing of ours took that long: it is the body that has not come. What still may of it is not waited for. */
function bodyTooLate(reply: FastifyReply): ApiError {
  reply.header('connection', 'close')
  return new ApiError('request_timeout', wordsOf('request_timeout'))
}

const REFUSALS: ReadonlyMap<string, ErrorCode> = new Map<string, ErrorCode>([
  ['FST_ERR_CTP_INVALID_JSON_BODY', 'invalid_json'],
  ['FST_ERR_CTP_EMPTY_JSON_BODY', 'invalid_json'],
  ['FST_ERR_CTP_BODY_TOO_LARGE', 'too_large'],
  ['FST_ERR_CTP_INVALID_MEDIA_TYPE', 'unsupported_media_type'],
])

function isOfFramework(error: FastifyError): boolean {
  return typeof error.code === 'string' && error.code.startsWith('FST_')
}

function wordsOf(code: ErrorCode): string {
  return code.replaceAll('_', ' ')
}

function detailsOf(error: FastifyError): unknown {
  if (!hasZodFastifySchemaValidationErrors(error)) return undefined
  return error.validation.map((issue) => ({ path: issue.instancePath, message: issue.message }))
}

function pathOf(request: FastifyRequest): string {
  return request.url.split(/[?#]/, 1)[0] ?? '/'
}
