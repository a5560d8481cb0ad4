import { historyAnswerSchema, historyQuerySchema, roomParamsSchema } from '@roomlog/protocol'
import type { z } from 'zod'
import { authenticated, userIdOf } from '../guards.ts'
import { readHistory } from '../rooms/history.ts'
import { BEARER, refusals, routes } from './answers.ts'

export const messagesRoute = routes((app, { db }) => {
  app.get<{
    Params: z.infer<typeof roomParamsSchema>
    Querystring: z.infer<typeof historyQuerySchema>
    Reply: string
  }>(
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
    async (request, reply) => {
      const { roomId } = request.params
      const { limit, ...cursors } = request.query
      const answer = await readHistory(db, { roomId, userId: userIdOf(request) }, cursors, limit)
      return reply.type('application/json; charset=utf-8').send(answer)
    },
  )
})
