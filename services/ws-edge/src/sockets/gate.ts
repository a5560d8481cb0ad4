import { normalizeIP } from '@fastify/rate-limit'
import { ApiError } from '@roomlog/service-kit'
import type { FastifyRequest } from 'fastify'
import type { EdgeMetrics, HandshakeRefusal } from '../metrics.ts'
import { TokenBuckets } from './limits.ts'
import { Turns } from './turns.ts'

export interface GateOptions {
  /** Why nobody may connect yet, or any more; undefined when they may. */
  readonly closedFor: () => string | undefined
  readonly allowedOrigins: readonly string[]
  /** Of one address. */
  readonly handshakes: { readonly perSecond: number; readonly burst: number }
  readonly metrics: EdgeMetrics
}

const RETRY_AFTER_S = 2

/** An `onRequest` hook: what is refused here was never a WebSocket. A bad token is not: a browser could not tell it from a lost network. */
export function gate({ closedFor, allowedOrigins, handshakes, metrics }: GateOptions) {
  const origins = new Set(allowedOrigins)
  const buckets = new TokenBuckets(handshakes.perSecond, handshakes.burst)
  const turns = new Turns()
  return async (request: FastifyRequest): Promise<void> => {
    const refuse = (result: HandshakeRefusal, error: ApiError) => {
      metrics.handshakes.inc({ result })
      request.log.info({ ip: request.ip, result }, 'handshake refused')
      return error
    }
    const waitMs = buckets.take(normalizeIP(request.ip))
    if (waitMs > 0) {
      const retryAfterS = Math.ceil(waitMs / 1000)
      throw refuse('rate_limited', new ApiError('rate_limited', 'too many handshakes', { retryAfterS }))
    }
    const { origin } = request.headers
    // Not a browser without one; `null` is one that hides it.
    if (origin !== undefined && !origins.has(origin)) {
      throw refuse('origin', new ApiError('forbidden', 'this origin may not connect'))
    }
    const reason = closedFor()
    if (reason !== undefined) {
      throw refuse('not_ready', new ApiError('unavailable', reason, { retryAfterS: RETRY_AFTER_S }))
    }
    if (!(await turns.take())) {
      const error = new ApiError('unavailable', 'too many handshakes at once', { retryAfterS: RETRY_AFTER_S })
      throw refuse('overloaded', error)
    }
  }
}
