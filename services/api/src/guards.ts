import cors from '@fastify/cors'
import helmet from '@fastify/helmet'
import rateLimit from '@fastify/rate-limit'
import { ApiError, type Identity, TokenError } from '@roomlog/service-kit'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'

declare module 'fastify' {
  interface FastifyRequest {
    /** Who asks; set on every route that has the `authenticated` hook. */
    identity: Identity | null
  }
}

/** What stands before every route: security headers, the origins that may call, and limits where routes ask for them. */
export const guards = fp(
  async (app: FastifyInstance, options: { readonly corsOrigins: readonly string[] }) => {
    await app.register(helmet)
    await app.register(cors, {
      origin: [...options.corsOrigins],
      exposedHeaders: ['retry-after', 'x-request-id'],
    })
    await app.register(rateLimit, {
      global: false,
      hook: 'preHandler',
      errorResponseBuilder: (_request, { ttl }) => {
        const retryAfterS = Math.max(1, Math.ceil(ttl / 1000))
        return new ApiError('rate_limited', 'too many requests, try again later', { retryAfterS })
      },
    })
    app.decorateRequest('identity', null)
  },
)

const BEARER = /^Bearer ([^ ]+)$/i

/** An `onRequest` hook. Whatever is wrong with the token, the answer is one and the same. */
export async function authenticated(request: FastifyRequest): Promise<void> {
  const token = BEARER.exec(request.headers.authorization ?? '')?.[1]
  try {
    request.identity = request.server.identify(token ?? '')
  } catch (error) {
    if (!(error instanceof TokenError)) throw error
    throw new ApiError('unauthenticated', 'a valid access token is needed', { cause: error })
  }
}

/** The user who asks, on a route that has the `authenticated` hook. */
export function userIdOf(request: FastifyRequest): string {
  if (request.identity === null) throw new TypeError('this route does not authenticate')
  return request.identity.userId
}

/** At most so many in a minute from one address, and where `key` is given for one key from one address. */
export function perMinute(max: number, key: (request: FastifyRequest) => string = () => '') {
  return {
    rateLimit: {
      max,
      timeWindow: 60_000,
      keyGenerator: (request: FastifyRequest) => `${request.routeOptions.url} ${request.ip} ${key(request)}`,
    },
  }
}
