import { userSchema } from '@roomlog/protocol'
import { ApiError } from '@roomlog/service-kit'
import { z } from 'zod'
import { userOf } from '../accounts/users.ts'
import { authenticated, userIdOf } from '../guards.ts'
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
      if (row === undefined) throw new ApiError('unauthenticated', 'a valid access token is needed')
      return { user: userOf(row) }
    },
  )
})
