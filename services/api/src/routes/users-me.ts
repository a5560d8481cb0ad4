import { updateMeBodySchema, userAnswerSchema } from '@roomlog/protocol'
import { accountOf, userOf } from '../accounts/users.ts'
import { authenticated, unauthenticated, userIdOf } from '../guards.ts'
import { BEARER, refusals, routes } from './answers.ts'

export const usersMeRoutes = routes((app, { db }) => {
  app.get(
    '/users/me',
    {
      onRequest: authenticated,
      schema: {
        summary: 'Who I am',
        security: BEARER,
        response: { 200: userAnswerSchema, ...refusals('unauthenticated') },
      },
    },
    async (request) => ({ user: userOf(await accountOf(db, userIdOf(request))) }),
  )

  app.patch(
    '/users/me',
    {
      onRequest: authenticated,
      schema: {
        summary: 'Change how my name shows',
        security: BEARER,
        body: updateMeBodySchema,
        response: { 200: userAnswerSchema, ...refusals('validation_failed', 'unauthenticated') },
      },
    },
    async (request) => {
      const row = await db
        .updateTable('chat.users')
        .set({ display_name: request.body.displayName })
        .where('id', '=', userIdOf(request))
        .where('deleted_at', 'is', null)
        .returningAll()
        .executeTakeFirst()
      if (row === undefined) throw unauthenticated()
      return { user: userOf(row) }
    },
  )
})
