import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod'
import { ApiError } from './errors.ts'

const RETRY_AFTER_S = 2

/** Tells an error of a dependency that is away (503) from a fault of ours (500); the service knows its drivers' errors. */
export type IsUnavailable = (error: unknown) => boolean

/** Every refusal and failure in one shape, `{error:{code,message,requestId,details?}}`; nothing inner is ever told. */
export const errorHandler = fp(
  async (app: FastifyInstance, options: { readonly isUnavailable: IsUnavailable }) => {
    app.setErrorHandler((error: FastifyError, request, reply) => {
      const known = toApiError(error, options.isUnavailable)
      if (known.status >= 500) request.log.error({ err: error }, 'request failed')
      return answer(request, reply, known, detailsOf(error))
    })
    app.setNotFoundHandler((request, reply) => {
      const allowed = app.supportedMethods.filter((method) => app.hasRoute({ method, url: pathOf(request) }))
      if (allowed.length === 0) return answer(request, reply, new ApiError('not_found', 'no such route'))
      reply.header('allow', allowed.join(', '))
      return answer(
        request,
        reply,
        new ApiError('method_not_allowed', 'this route does not take that method'),
      )
    })
  },
)

function answer(request: FastifyRequest, reply: FastifyReply, error: ApiError, details?: unknown) {
  if (error.retryAfterS !== undefined) reply.header('retry-after', String(error.retryAfterS))
  const { code, message } = error
  return reply
    .code(error.status)
    .send({ error: { code, message, requestId: request.id, ...(details === undefined ? {} : { details }) } })
}

function toApiError(error: FastifyError, isUnavailable: IsUnavailable): ApiError {
  if (error instanceof ApiError) return error
  if (hasZodFastifySchemaValidationErrors(error)) {
    return new ApiError('validation_failed', 'the request does not fit its schema', { cause: error })
  }
  const refused = REFUSALS.get(error.code)
  if (refused !== undefined) return new ApiError(refused, refused.replaceAll('_', ' '), { cause: error })
  if (error.statusCode === 400)
    return new ApiError('validation_failed', 'malformed request', { cause: error })
  if (isUnavailable(error)) {
    return new ApiError('unavailable', 'try again soon', { cause: error, retryAfterS: RETRY_AFTER_S })
  }
  return new ApiError('internal', 'something failed here', { cause: error })
}

const REFUSALS = new Map([
  ['FST_ERR_CTP_INVALID_JSON_BODY', 'invalid_json'],
  ['FST_ERR_CTP_EMPTY_JSON_BODY', 'invalid_json'],
  ['FST_ERR_CTP_BODY_TOO_LARGE', 'too_large'],
  ['FST_ERR_CTP_INVALID_MEDIA_TYPE', 'unsupported_media_type'],
] as const) as ReadonlyMap<string, 'invalid_json' | 'too_large' | 'unsupported_media_type'>

function detailsOf(error: FastifyError): unknown {
  if (!hasZodFastifySchemaValidationErrors(error)) return undefined
  return error.validation.map((issue) => ({ path: issue.instancePath, message: issue.message }))
}

function pathOf(request: FastifyRequest): string {
  return request.url.split('?', 1)[0] ?? '/'
}
