import { loginBodySchema, sessionSchema } from '@roomlog/protocol'
import { ApiError } from '@roomlog/service-kit'
import type { FastifyRequest } from 'fastify'
import { sessionAnswer } from '../accounts/session-answer.ts'
import { startSession } from '../accounts/sessions.ts'
import { withPassword } from '../accounts/with-password.ts'
import { limitPerKey, perMinute } from '../guards.ts'
import { refusals, routes } from './answers.ts'

export const loginRoute = routes((app, { config, db, passwords, metrics }) => {
  app.post(
    '/auth/login',
    {
      config: perMinute(config.perMinute.logins),
      preHandler: limitPerKey(app, config.perMinute.accountLogins, accountOf),
      schema: {
        summary: 'Log in',
        body: loginBodySchema,
        response: {
          200: sessionSchema,
          ...refusals('validation_failed', 'invalid_credentials', 'rate_limited'),
        },
      },
    },
    async (request) => {
      const { username, password } = request.body
      const { refreshTtlS, accessTtlS } = config.tokens
      const proof = { account: { username }, password, hold: 'shared', signal: request.signal } as const
      const { user, done } = await withPassword({ db, passwords }, proof, (trx, { id }) =>
        startSession(trx, id, refreshTtlS),
      )
      if (done === undefined) {
        metrics.logins.inc({ result: 'refused' })
        request.log.info({ userId: user?.id, ip: request.ip }, 'login refused')
        throw new ApiError('invalid_credentials', 'unknown username or wrong password')
      }
      if (user.password_hash !== null && passwords.isOutdated(user.password_hash)) {
        const password_hash = await passwords.hash(password, request.signal)
        // Only in place of what was verified: the password may have been changed meanwhile.
        await db
          .updateTable('chat.users')
          .set({ password_hash })
          .where('id', '=', user.id)
          .where('password_hash', '=', user.password_hash)
          .execute()
      }
      metrics.logins.inc({ result: 'succeeded' })
      request.log.info({ userId: user.id, ip: request.ip }, 'logged in')
      return sessionAnswer(app, user, done.result, accessTtlS)
    },
  )
})

function accountOf(request: FastifyRequest): string {
  const { username } = request.body as { readonly username: string }
  return username.toLowerCase()
}
