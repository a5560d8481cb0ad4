import { deleteMeBodySchema } from '@roomlog/protocol'
import { ApiError } from '@roomlog/service-kit'
import { deleteAccount } from '../accounts/delete-account.ts'
import { tellDeleted } from '../accounts/ended-sessions.ts'
import { withPassword } from '../accounts/with-password.ts'
import { authenticated, limitPerKey, perMinute, userIdOf } from '../guards.ts'
import { BEARER, NO_CONTENT, refusals, routes } from './answers.ts'

export const deleteMeRoute = routes((app, { config, db, passwords, signals }) => {
  app.delete(
    '/users/me',
    {
      onRequest: authenticated,
      // As for logins: with a stolen token it would be a place to guess at the password.
      config: perMinute(config.perMinute.logins),
      preHandler: limitPerKey(app, config.perMinute.accountLogins, userIdOf),
      schema: {
        summary: 'Delete my account; my messages stay',
        description:
          'Leaves every room, ends every session and closes all sockets. The username is never given again.',
        security: BEARER,
        body: deleteMeBodySchema,
        response: {
          204: NO_CONTENT,
          ...refusals(
            'validation_failed',
            'unauthenticated',
            'invalid_credentials',
            'last_owner',
            'rate_limited',
          ),
        },
      },
    },
    async (request, reply) => {
      const userId = userIdOf(request)
      const { password } = request.body
      const proof = { account: { id: userId }, password, hold: 'alone', signal: request.signal } as const
      const { done } = await withPassword({ db, passwords }, proof, (trx) => deleteAccount(trx, userId))
      if (done === undefined) {
        request.log.info({ userId, ip: request.ip }, 'deletion refused')
        throw new ApiError('invalid_credentials', 'wrong password')
      }
      request.log.info({ userId, ip: request.ip }, 'account deleted')
      await tellDeleted({ signals, log: request.log }, userId)
      return reply.code(204).send(null)
    },
  )
})
