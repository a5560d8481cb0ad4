import { joinAnswerSchema, roomParamsSchema } from '@roomlog/protocol'
import { authenticated, userIdOf } from '../guards.ts'
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
        // A hint to the user's other devices; the membership stands without it.
        signals
          .publish({ type: 'memberAdded', roomId, userId })
          .catch((err: unknown) => request.log.debug({ err }, 'memberAdded was not published'))
      }
      const room = await roomOfMember(db, roomId, userId)
      // Left again, or removed, in the moment between.
      if (room === undefined) throw roomNotFound()
      return { room, role: room.role }
    },
  )
})
