import { joinAnswerSchema, roomParamsSchema } from '@roomlog/protocol'
import { authenticated, userIdOf } from '../guards.ts'
import { hint } from '../hint.ts'
import { roomNotFound } from '../rooms/access.ts'
import { joinRoom } from '../rooms/membership.ts'
import { roomOfMember } from '../rooms/room-view.ts'
import { BEARER, refusals, routes } from './answers.ts'

export const roomsJoinRoute = routes((app, { db, signals }) => {
  app.post(
    '/rooms/:roomId/join',
    {
      onRequest: authenticated,
      schema: {
        summary: 'Become a member of a public room; again changes nothing',
        security: BEARER,
        params: roomParamsSchema,
        response: {
          200: joinAnswerSchema,
          ...refusals('validation_failed', 'unauthenticated', 'forbidden', 'room_not_found'),
        },
      },
    },
    async (request) => {
      const [{ roomId }, userId] = [request.params, userIdOf(request)]
      if (await joinRoom(db, roomId, userId)) {
        // To the user's other devices.
        hint(signals, { type: 'memberAdded', roomId, userId }, request.log)
      }
      const room = await roomOfMember(db, roomId, userId)
      // Left again, or removed, in the moment between.
      if (room === undefined) throw roomNotFound()
      return { room, role: room.role }
    },
  )
})
