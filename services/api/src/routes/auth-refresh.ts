import { refreshTokenBodySchema, sessionSchema } from '@roomlog/protocol'
import { ApiError } from '@roomlog/service-kit'
import { tellEnded } from '../accounts/ended-sessions.ts'
import { refresh } from '../accounts/refresh.ts'
import { sessionAnswer } from '../accounts/session-answer.ts'
import { perMinute, TOKENS_PER_MINUTE } from '../guards.ts'
import { shareOfStrangers } from '../shares.ts'
import { refusals, routes } from './answers.ts'

export const refreshRoute = routes((app, { config, db, signals }) => {
  const { refreshTtlS, accessTtlS } = config.tokens
  const inShare = shareOfStrangers()
  app.post(
    '/auth/refresh',
    {
      config: perMinute(TOKENS_PER_MINUTE),
      schema: {
        summary: 'New tokens for a refresh token, which is replaced',
        description:
          'The token replaced answers for 30 s more, for requests that race. Used later it ends the session: one of two who have it stole it.',
        body: refreshTokenBodySchema,
        response: { 200: sessionSchema, ...refusals('validation_failed', 'unauthenticated') },
      },
    },
    async (request) => {
      const refreshed = await inShare(request, () => refresh(db, request.body.refreshToken, refreshTtlS))
      if (refreshed.outcome === 'refreshed') {
        const { user, session } = refreshed
        const { sessionId } = session
        request.log.info({ userId: user.id, sessionId, ip: request.ip }, 'refreshed')
        return sessionAnswer(app, user, session, accessTtlS)
      }
      if (refreshed.outcome === 'reused') {
        const { userId, sessionId } = refreshed
        request.log.warn({ userId, sessionId, ip: request.ip }, 'refresh token reused, session ended')
        await tellEnded({ signals, log: request.log }, userId, [sessionId])
      } else {
        request.log.info({ ip: request.ip }, 'refresh token refused')
      }
      throw new ApiError('unauthenticated', 'a valid refresh token is needed')
    },
  )
})
