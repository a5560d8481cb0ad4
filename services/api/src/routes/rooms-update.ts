import { roomAnswerSchema, roomParamsSchema, updateRoomBodySchema } from '@roomlog/protocol'
import { authenticated, userIdOf } from '../guards.ts'
import { hint } from '../hint.ts'
import { assertMember, roomNotFound } from '../rooms/access.ts'
import { roomOfMember } from '../rooms/room-view.ts'
import { updateRoom } from '../rooms/update-room.ts'
import { BEARER, refusals, routes } from './answers.ts'

export const roomsUpdateRoute = routes((app, { db, signals }) => {
  app.patch(
    '/rooms/:roomId',
    {
      onRequest: authenticated,
      schema: {
        summary: 'Rename a room I own, or open or close it to the public',
        security: BEARER,
        params: roomParamsSchema,
        body: updateRoomBodySchema,
        response: {
          200: roomAnswerSchema,
          ...refusals('validation_failed', 'unauthenticated', 'forbidden', 'room_not_found'),
        },
      },
    },
    async (request) => {
      const [{ roomId }, userId] = [request.params, userIdOf(request)]
      await assertMember(db, roomId, userId)
      await updateRoom(db, roomId, userId, request.body)
      hint(signals, { type: 'roomChanged', roomId }, request.log)
      const room = await roomOfMember(db, roomId, userId)
      // Left, or removed, in the moment between.
      if (room === undefined) throw roomNotFound()
      return { room }
    },
  )
})
