import { ApiError } from '@roomlog/service-kit'
import type { FastifyInstance, FastifyRequest, RouteHandlerMethod } from 'fastify'
import { rateLimited } from './guards.ts'
import { Slots } from './slots.ts'

/** Of one user: less than half of the connections to the database. */
const AT_ONCE = 4
const MAX_WAITING = 100
/** Of all together who show no access token. */
const STRANGERS_AT_ONCE = 2
const MAX_STRANGERS_WAITING = 500
const RETRY_AFTER_S = 1

/**
 * Requests of one user at once are answered some at a time, the rest in order: whoever asks for a lot waits for it
 * themselves. Beyond a bounded queue 429. To be called before the routes are added.
 */
export function shareAmongUsers(app: FastifyInstance): void {
  const shares = new Map<string, Slots>()
  const shared = new WeakSet<RouteHandlerMethod>()

  const inShare = async (userId: string, request: FastifyRequest, work: () => Promise<unknown>) => {
    const share = shares.get(userId) ?? new Slots(AT_ONCE, MAX_WAITING)
    shares.set(userId, share)
    try {
      const refusal = () => rateLimited(request, 'too many requests at once', RETRY_AFTER_S)
      return await share.run(work, refusal, request.signal)
    } finally {
      if (share.isIdle && shares.get(userId) === share) shares.delete(userId)
    }
  }
  app.addHook('onRoute', (route) => {
    const { handler } = route
    // HEAD's is GET's: within its own share it would wait for itself.
    if (shared.has(handler)) return
    const inTurn: RouteHandlerMethod = async function (request, reply) {
      const work = async () => handler.call(this, request, reply)
      return request.identity === null ? work() : inShare(request.identity.userId, request, work)
    }
    shared.add(inTurn)
    route.handler = inTurn
  })
}

/** For a route that asks the database for whoever comes: all of them together never hold more of it than this. */
export function shareOfStrangers() {
  const refusal = () =>
    new ApiError('unavailable', 'too many requests at once', { retryAfterS: RETRY_AFTER_S })
  const share = new Slots(STRANGERS_AT_ONCE, MAX_STRANGERS_WAITING)
  return <T>(request: FastifyRequest, work: () => Promise<T>): Promise<T> =>
    share.run(work, refusal, request.signal)
}
