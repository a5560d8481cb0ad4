import { memberOrMeParamsSchema } from '@roomlog/protocol'
import { authenticated, userIdOf } from '../guards.ts'
import { hint } from '../hint.ts'
import { assertMember } from '../rooms/access.ts'
import { removeMember } from '../rooms/remove-member.ts'
import { BEARER, NO_CONTENT, refusals, routes } from './answers.ts'

export const roomsMembersRemoveRoute = routes((app, { db, signals }) => {
  app.delete(
    '/rooms/:roomId/members/:userId',
    {
      onRequest: authenticated,
      schema: {
        summary: 'Leave a room, or remove a member from a room I own',
        description:
          '`me` or my own id: I leave. Whom an owner removed cannot join again until an owner adds them.',
        security: BEARER,
        params: memberOrMeParamsSchema,
        response: {
          204: NO_CONTENT,
          ...refusals('validation_failed', 'unauthenticated', 'forbidden', 'room_not_found', 'last_owner'),
        },
      },
    },
    async (request, reply) => {
      const [{ roomId }, askerId] = [request.params, userIdOf(request)]
      const userId = request.params.userId === 'me' ? askerId : request.params.userId
      // Before the transaction, whose first act would be to lock a room that is none of an outsider's business.
      await assertMember(db, roomId, askerId)
      const memberVersion = await removeMember(db, roomId, askerId, userId)
      request.log.info({ roomId, userId, askerId }, 'membership ended')
      hint(signals, { type: 'memberRemoved', roomId, userId, memberVersion }, request.log)
      return reply.code(204).send(null)
    },
  )
})
