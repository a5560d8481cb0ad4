import { changeRoleBodySchema, memberAnswerSchema, memberParamsSchema } from '@roomlog/protocol'
import { authenticated, userIdOf } from '../guards.ts'
import { hint } from '../hint.ts'
import { assertMember, userNotFound } from '../rooms/access.ts'
import { memberOfRoom } from '../rooms/members.ts'
import { changeRole } from '../rooms/owners.ts'
import { BEARER, refusals, routes } from './answers.ts'

export const roomsMembersRoleRoute = routes((app, { db, presence, signals }) => {
  app.patch(
    '/rooms/:roomId/members/:userId',
    {
      onRequest: authenticated,
      schema: {
        summary: 'Make a member of a room I own an owner, or an owner a member',
        security: BEARER,
        params: memberParamsSchema,
        body: changeRoleBodySchema,
        response: {
          200: memberAnswerSchema,
          ...refusals('validation_failed', 'unauthenticated', 'forbidden', 'room_not_found', 'last_owner'),
        },
      },
    },
    async (request) => {
      const [{ roomId, userId }, ownerId] = [request.params, userIdOf(request)]
      await assertMember(db, roomId, ownerId)
      const hasChanged = await changeRole(db, roomId, ownerId, userId, request.body.role)
      if (hasChanged) hint(signals, { type: 'roomChanged', roomId }, request.log)
      const member = await memberOfRoom(db, presence, roomId, userId)
      // Left in the moment between.
      if (member === undefined) throw userNotFound()
      return { member }
    },
  )
})
