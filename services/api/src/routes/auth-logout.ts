import { refreshTokenBodySchema } from '@roomlog/protocol'
import { ApiError } from '@roomlog/service-kit'
import { endSessionOf, tellEnded } from '../accounts/ended-sessions.ts'
import { perMinute, TOKENS_PER_MINUTE } from '../guards.ts'
import { shareOfStrangers } from '../shares.ts'
import { NO_CONTENT, refusals, routes } from './answers.ts'

export const logoutRoute = routes((app, { db, signals }) => {
  const inShare = shareOfStrangers()
  app.post(
    '/auth/logout',
    {
      config: perMinute(TOKENS_PER_MINUTE),
      schema: {
        summary: 'End the session of a refresh token and close its sockets; again changes nothing',
        description: 'Any token of the session will do, also one that was replaced or has expired.',
        body: refreshTokenBodySchema,
        response: { 204: NO_CONTENT, ...refusals('validation_failed', 'unauthenticated') },
      },
    },
    async (request, reply) => {
      const ended = await inShare(request, () => endSessionOf(db, request.body.refreshToken))
      if (ended === undefined) {
        request.log.info({ ip: request.ip }, 'logout refused')
        throw new ApiError('unauthenticated', 'that refresh token was never issued')
      }
      const { userId, sessionId } = ended
      request.log.info({ userId, sessionId, ip: request.ip }, 'logged out')
      // Each time, also when it had ended: who repeats a logout may do so because sockets stayed open.
      await tellEnded({ signals, log: request.log }, userId, [sessionId])
      return reply.code(204).send(null)
    },
  )
})
