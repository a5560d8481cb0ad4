import { isUniqueViolation } from '@roomlog/db'
import { newId, registerBodySchema, sessionSchema } from '@roomlog/protocol'
import { ApiError } from '@roomlog/service-kit'
import { newPasswordSchema } from '../accounts/new-password.ts'
import { sessionAnswer } from '../accounts/session-answer.ts'
import { startSession } from '../accounts/sessions.ts'
import { perMinute } from '../guards.ts'
import { refusals, routes } from './answers.ts'

export const registerRoute = routes((app, { config, db, passwords, metrics }) => {
  app.post(
    '/auth/register',
    {
      config: perMinute(config.perMinute.registrations),
      schema: {
        summary: 'Make an account and log in',
        body: registerBodySchema.extend({ password: newPasswordSchema }),
        response: {
          201: sessionSchema,
          ...refusals('validation_failed', 'username_taken', 'rate_limited'),
        },
      },
    },
    async (request, reply) => {
      const { username, password, displayName } = request.body
      const hash = await passwords.hash(password, request.signal)
      const [user, session] = await db
        .transaction()
        .execute(async (trx) => {
          const row = await trx
            .insertInto('chat.users')
            .values({ id: newId(), username, display_name: displayName ?? username, password_hash: hash })
            .returningAll()
            .executeTakeFirstOrThrow()
          return [row, await startSession(trx, row.id, config.tokens.refreshTtlS)] as const
        })
        .catch((error: unknown) => {
          if (!isUniqueViolation(error)) throw error
          throw new ApiError('username_taken', 'that username is taken', { cause: error })
        })
      metrics.registrations.inc()
      request.log.info({ userId: user.id, ip: request.ip }, 'registered')
      return reply.code(201).send(sessionAnswer(app, user, session, config.tokens.accessTtlS))
    },
  )
})
