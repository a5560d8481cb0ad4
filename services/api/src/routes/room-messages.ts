import { historyAnswerSchema, historyQuerySchema, roomParamsSchema } from '@roomlog/protocol'
import { authenticated, userIdOf } from '../guards.ts'
import { readHistory } from '../rooms/history.ts'
import { BEARER, refusals, routes } from './answers.ts'

export const messagesRoute = routes((app, { db }) => {
  app.get(
    '/rooms/:roomId/messages',
    {
      onRequest: authenticated,
      schema: {
        summary: 'A page of a room’s history',
        description:
          '`before` and `after` are a seq or the id of a message. Without either: the newest page. `hasMore` speaks of the direction asked.',
        security: BEARER,
        params: roomParamsSchema,
        querystring: historyQuerySchema,
        response: {
          200: historyAnswerSchema,
          ...refusals('validation_failed', 'bad_cursor', 'unauthenticated', 'not_a_member', 'room_not_found'),
        },
      },
    },
    async (request) => {
      const { roomId } = request.params
      const { limit, ...cursors } = request.query
      const page = await readHistory(db, { roomId, userId: userIdOf(request) }, cursors, limit)
      return { ...page, messages: [...page.messages] }
    },
  )
})
