import { publicRoomsAnswerSchema, publicRoomsQuerySchema } from '@roomlog/protocol'
import { authenticated } from '../guards.ts'
import { publicRooms } from '../rooms/public-rooms.ts'
import { BEARER, refusals, routes } from './answers.ts'

export const roomsPublicRoute = routes((app, { db }) => {
  app.get(
    '/rooms/public',
    {
      onRequest: authenticated,
      schema: {
        summary: 'Public rooms by name, whoever is in them',
        description: '`search` is how a name begins, in any case. Rooms that all have left are not listed.',
        security: BEARER,
        querystring: publicRoomsQuerySchema,
        response: { 200: publicRoomsAnswerSchema, ...refusals('validation_failed', 'unauthenticated') },
      },
    },
    async (request) => publicRooms(db, request.query),
  )
})
