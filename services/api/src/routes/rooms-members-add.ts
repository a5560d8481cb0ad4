import { addMemberBodySchema, memberAnswerSchema, roomParamsSchema } from '@roomlog/protocol'
import { authenticated, userIdOf } from '../guards.ts'
import { hint } from '../hint.ts'
import { assertMember, userNotFound } from '../rooms/access.ts'
import { memberOfRoom } from '../rooms/members.ts'
import { addMember } from '../rooms/membership.ts'
import { BEARER, refusals, routes } from './answers.ts'

export const roomsMembersAddRoute = routes((app, { db, presence, signals }) => {
  app.post(
    '/rooms/:roomId/members',
    {
      onRequest: authenticated,
      schema: {
        summary: 'Add a member to a room I own; 200 for one who is a member already',
        security: BEARER,
        params: roomParamsSchema,
        body: addMemberBodySchema,
        response: {
          200: memberAnswerSchema,
          201: memberAnswerSchema,
          ...refusals('validation_failed', 'unauthenticated', 'forbidden', 'room_not_found'),
        },
      },
    },
    async (request, reply) => {
      const [{ roomId }, ownerId] = [request.params, userIdOf(request)]
      await assertMember(db, roomId, ownerId)
      const { userId, isNew } = await addMember(db, roomId, ownerId, request.body.username)
      if (isNew) hint(signals, { type: 'memberAdded', roomId, userId }, request.log)
      const member = await memberOfRoom(db, presence, roomId, userId)
      // Left in the moment between.
      if (member === undefined) throw userNotFound()
      return reply.code(isNew ? 201 : 200).send({ member })
    },
  )
})
