import { readAnswerSchema, readBodySchema, roomParamsSchema } from '@roomlog/protocol'
import { authenticated, userIdOf } from '../guards.ts'
import { hint } from '../hint.ts'
import { assertMember, roomNotFound } from '../rooms/access.ts'
import { read } from '../rooms/read-position.ts'
import { BEARER, refusals, routes } from './answers.ts'

export const roomsReadRoute = routes((app, { db, signals }) => {
  app.post(
    '/rooms/:roomId/read',
    {
      onRequest: authenticated,
      schema: {
        summary: 'I have read up to a message',
        description: 'Never moves back: the answer is where the position is now.',
        security: BEARER,
        params: roomParamsSchema,
        body: readBodySchema,
        response: {
          200: readAnswerSchema,
          ...refusals('validation_failed', 'bad_cursor', 'unauthenticated', 'not_a_member', 'room_not_found'),
        },
      },
    },
    async (request) => {
      const [{ roomId }, userId] = [request.params, userIdOf(request)]
      await assertMember(db, roomId, userId)
      const result = await read(db, roomId, userId, request.body.lastReadMessageId)
      // Left, or removed, in the moment between.
      if (result === undefined) throw roomNotFound()
      const { position, hasMoved } = result
      if (hasMoved) {
        hint(signals, { type: 'readCursor', roomId, userId, lastReadSeq: position.lastReadSeq }, request.log)
      }
      return position
    },
  )
})
