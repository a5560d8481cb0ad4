import { membersAnswerSchema, pageQuerySchema, roomParamsSchema } from '@roomlog/protocol'
import { authenticated, userIdOf } from '../guards.ts'
import { assertMember } from '../rooms/access.ts'
import { membersOfRoom } from '../rooms/members.ts'
import { BEARER, refusals, routes } from './answers.ts'

export const roomsMembersListRoute = routes((app, { db, presence }) => {
  app.get(
    '/rooms/:roomId/members',
    {
      onRequest: authenticated,
      schema: {
        summary: 'The members of one of my rooms, by user id',
        description: '`online` is null while it is not known.',
        security: BEARER,
        params: roomParamsSchema,
        querystring: pageQuerySchema,
        response: {
          200: membersAnswerSchema,
          ...refusals('validation_failed', 'unauthenticated', 'not_a_member', 'room_not_found'),
        },
      },
    },
    async (request) => {
      const { roomId } = request.params
      await assertMember(db, roomId, userIdOf(request))
      return membersOfRoom(db, presence, roomId, request.query)
    },
  )
})
