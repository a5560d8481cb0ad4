import { loginBodySchema, sessionSchema } from '@roomlog/protocol'
import { ApiError } from '@roomlog/service-kit'
import type { FastifyRequest } from 'fastify'
import { sessionAnswer } from '../accounts/session-answer.ts'
import { startSession } from '../accounts/sessions.ts'
import { limitPerKey, perMinute } from '../guards.ts'
import { refusals, routes } from './answers.ts'

export const loginRoute = routes((app, { config, db, passwords }) => {
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
      const user = await db
        .selectFrom('chat.users')
        .selectAll()
        .where('username', '=', username.toLowerCase())
        .where('deleted_at', 'is', null)
        .executeTakeFirst()
      const known = user?.password_hash ?? null
      // An unknown account costs the same work, so that its answer does not come sooner.
      if (!(await passwords.verify(known, password)) || user === undefined || known === null) {
        request.log.info({ ip: request.ip }, 'login refused')
        throw new ApiError('invalid_credentials', 'unknown username or wrong password')
      }
      if (passwords.isOutdated(known)) {
        const password_hash = await passwords.hash(password)
        // Only in place of what was verified: the password may have been changed meanwhile.
        await db
          .updateTable('chat.users')
          .set({ password_hash })
          .where('id', '=', user.id)
          .where('password_hash', '=', known)
          .execute()
      }
      const session = await startSession(db, user.id, config.tokens.refreshTtlS)
      request.log.info({ userId: user.id, ip: request.ip }, 'logged in')
      return sessionAnswer(app, user, session, config.tokens.accessTtlS)
    },
  )
})

function accountOf(request: FastifyRequest): string {
  const { username } = request.body as { readonly username: string }
  return username.toLowerCase()
}
