import { changePasswordBodySchema } from '@roomlog/protocol'
import { ApiError } from '@roomlog/service-kit'
import { endSessions, tellEnded } from '../accounts/ended-sessions.ts'
import { newPasswordSchema } from '../accounts/new-password.ts'
import { withPassword } from '../accounts/with-password.ts'
import { authenticated, identityOf, limitPerKey, perMinute, userIdOf } from '../guards.ts'
import { BEARER, NO_CONTENT, refusals, routes } from './answers.ts'

export const passwordRoute = routes((app, { config, db, passwords, signals }) => {
  app.post(
    '/users/me/password',
    {
      onRequest: authenticated,
      config: perMinute(config.perMinute.logins),
      preHandler: limitPerKey(app, config.perMinute.accountLogins, userIdOf),
      schema: {
        summary: 'Change my password; every other session of mine ends',
        security: BEARER,
        body: changePasswordBodySchema.extend({ newPassword: newPasswordSchema }),
        response: {
          204: NO_CONTENT,
          ...refusals('validation_failed', 'unauthenticated', 'invalid_credentials', 'rate_limited'),
        },
      },
    },
    async (request, reply) => {
      const { userId, sessionId } = identityOf(request)
      const { currentPassword, newPassword } = request.body
      // Before anything is locked: it is slow by intent.
      const password_hash = await passwords.hash(newPassword, request.signal)
      const proof = {
        account: { id: userId },
        password: currentPassword,
        hold: 'alone',
        signal: request.signal,
      } as const
      const { done } = await withPassword({ db, passwords }, proof, async (trx) => {
        await trx.updateTable('chat.users').set({ password_hash }).where('id', '=', userId).execute()
        return endSessions(trx, userId, sessionId)
      })
      if (done === undefined) {
        request.log.info({ userId, ip: request.ip }, 'password change refused')
        throw new ApiError('invalid_credentials', 'wrong password')
      }
      request.log.info({ userId, ip: request.ip }, 'password changed')
      await tellEnded({ signals, log: request.log }, userId, done.result)
      return reply.code(204).send(null)
    },
  )
})
