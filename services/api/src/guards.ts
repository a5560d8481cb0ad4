import cors from '@fastify/cors'
import helmet from '@fastify/helmet'
import rateLimit, { normalizeIP } from '@fastify/rate-limit'
import { ERROR_STATUS } from '@roomlog/protocol'
import { ApiError, type Identity, TokenError } from '@roomlog/service-kit'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'

declare module 'fastify' {
  interface FastifyRequest {
    /** Who asks; set on every route that has the `authenticated` hook. */
    identity: Identity | null
  }
}

const MINUTE_MS = 60_000
/** A private room is not found by those who are not in it. */
const DENIALS: readonly number[] = [ERROR_STATUS.forbidden, ERROR_STATUS.not_found]
const METHODS = ['GET', 'HEAD', 'POST', 'PATCH', 'DELETE']

export interface GuardOptions {
  readonly corsOrigins: readonly string[]
  readonly wsUrls: readonly string[]
}

/** What stands before every route: security headers, the origins that may call, and limits where routes ask for them. */
export const guards = fp(async (app: FastifyInstance, { corsOrigins, wsUrls }: GuardOptions) => {
  await app.register(helmet, {
    // As frameAncestors says to newer browsers.
    xFrameOptions: { action: 'deny' },
    contentSecurityPolicy: {
      // Not upgrade-insecure-requests: without TLS in front, a page on another machine would not load.
      useDefaults: false,
      directives: {
        defaultSrc: ["'self'"],
        scriptSrc: ["'self'"],
        styleSrc: ["'self'"],
        connectSrc: ["'self'", ...wsUrls.map((url) => new URL(url).origin)],
        imgSrc: ["'self'", 'data:'],
        objectSrc: ["'none'"],
        baseUri: ["'none'"],
        formAction: ["'self'"],
        frameAncestors: ["'none'"],
      },
    },
  })
  await app.register(cors, {
    origin: [...corsOrigins],
    methods: METHODS,
    exposedHeaders: ['retry-after', 'x-request-id'],
    strictPreflight: false,
  })
  await app.register(rateLimit, {
    global: false,
    timeWindow: MINUTE_MS,
    hook: 'preHandler',
    errorResponseBuilder: (request, { ttl }) => tooOften(request, ttl),
  })
  app.decorateRequest('identity', null)
  app.addHook('onResponse', async (request, reply) => {
    const { identity, ip, method, url } = request
    if (identity === null || !DENIALS.includes(reply.statusCode)) return
    const path = url.split('?', 1)[0]
    request.log.info({ userId: identity.userId, ip, method, path, status: reply.statusCode }, 'denied')
  })
})

function tooOften(request: FastifyRequest, ttlMs: number): ApiError {
  return rateLimited(request, 'too many requests, try again later', Math.max(1, Math.ceil(ttlMs / 1000)))
}

/** Every refusal of somebody who asks for too much: 429 with the seconds to wait, and a line in the log of who it was. */
export function rateLimited(request: FastifyRequest, reason: string, retryAfterS: number): ApiError {
  request.log.warn({ userId: request.identity?.userId, ip: request.ip, reason }, 'rate limited')
  return new ApiError('rate_limited', reason, { retryAfterS })
}

/** Refresh tokens shown from one address, which may be that of thousands: each is shown once in a quarter of an hour. */
export const TOKENS_PER_MINUTE = 600

/** For a route's `config`: at most so many in a minute from one address (of IPv6 a network of 64 bits). */
export function perMinute(max: number) {
  return { rateLimit: { max } }
}

/** A `preHandler` hook: at most `max` in a minute for one key from one address. */
export function limitPerKey(app: FastifyInstance, max: number, keyOf: (request: FastifyRequest) => string) {
  // By hand, because the plugin's own hooks count a request once, whichever comes first.
  const count = app.createRateLimit({
    max,
    keyGenerator: (request) => `${normalizeIP(request.ip)} ${keyOf(request)}`,
  })
  return async (request: FastifyRequest): Promise<void> => {
    const result = await count(request)
    if (!result.isAllowed && result.isExceeded) throw tooOften(request, result.ttl)
  }
}

const BEARER = /^Bearer ([^ ]+)$/i

/** An `onRequest` hook. Whatever is wrong with the token, the answer is one and the same. */
export async function authenticated(request: FastifyRequest): Promise<void> {
  const token = BEARER.exec(request.headers.authorization ?? '')?.[1]
  try {
    request.identity = request.server.identify(token ?? '')
  } catch (error) {
    if (!(error instanceof TokenError)) throw error
    request.log.info({ ip: request.ip, err: error }, 'access token refused')
    throw unauthenticated()
  }
}

/** One answer, whatever is wrong. */
export function unauthenticated(): ApiError {
  return new ApiError('unauthenticated', 'a valid access token is needed')
}

/** Who asks, on a route that has the `authenticated` hook. */
export function identityOf(request: FastifyRequest): Identity {
  if (request.identity === null) throw new TypeError('this route does not authenticate')
  return request.identity
}

export function userIdOf(request: FastifyRequest): string {
  return identityOf(request).userId
}
