import { userSchema } from '@roomlog/protocol'
import { z } from 'zod'
import { userOf } from '../accounts/users.ts'
import { authenticated, unauthenticated, userIdOf } from '../guards.ts'
import { BEARER, refusals, routes } from './answers.ts'

export const usersMeRoute = routes((app, { db }) => {
  app.get(
    '/users/me',
    {
      onRequest: authenticated,
      schema: {
        summary: 'Who I am',
        security: BEARER,
        response: { 200: z.object({ user: userSchema }), ...refusals('unauthenticated') },
      },
    },
    async (request) => {
      const row = await db
        .selectFrom('chat.users')
        .selectAll()
        .where('id', '=', userIdOf(request))
        .where('deleted_at', 'is', null)
        .executeTakeFirst()
      if (row === undefined) throw unauthenticated()
      return { user: userOf(row) }
    },
  )
})
