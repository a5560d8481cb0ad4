import { usersAnswerSchema, usersQuerySchema } from '@roomlog/protocol'
import { usersById } from '../accounts/users.ts'
import { authenticated } from '../guards.ts'
import { BEARER, refusals, routes } from './answers.ts'

export const usersRoute = routes((app, { db }) => {
  app.get(
    '/users',
    {
      onRequest: authenticated,
      schema: {
        summary: 'Users by id, unknown ones left out',
        description: '`ids` are up to 100, comma-separated. They come in the order asked, each once.',
        security: BEARER,
        querystring: usersQuerySchema,
        response: { 200: usersAnswerSchema, ...refusals('validation_failed', 'unauthenticated') },
      },
    },
    async (request) => {
      const ids = [...new Set(request.query.ids)]
      const users = await usersById(db, ids)
      return { users: ids.flatMap((id) => users[id] ?? []) }
    },
  )
})
