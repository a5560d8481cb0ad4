import { historyAnswerSchema, historyQuerySchema, roomParamsSchema } from '@roomlog/protocol'
import { usersById } from '../accounts/users.ts'
import { authenticated, userIdOf } from '../guards.ts'
import { assertMember } from '../rooms/access.ts'
import { readHistory, resolvePosition } from '../rooms/history.ts'
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
      await assertMember(db, roomId, userIdOf(request))
      const position = await resolvePosition(db, roomId, request.query)
      const page = await readHistory(db, roomId, position, request.query.limit)
      const users = await usersById(
        db,
        page.messages.map((message) => message.senderId),
      )
      return { ...page, messages: [...page.messages], users }
    },
  )
})
