import {
  createRoomBodySchema,
  pageQuerySchema,
  roomAnswerSchema,
  roomParamsSchema,
  roomsAnswerSchema,
} from '@roomlog/protocol'
import { usersById } from '../accounts/users.ts'
import { authenticated, userIdOf } from '../guards.ts'
import { assertMember, roomNotFound } from '../rooms/access.ts'
import { createRoom } from '../rooms/membership.ts'
import { roomOfMember, roomsOfUser } from '../rooms/room-view.ts'
import { BEARER, refusals, routes } from './answers.ts'

export const roomsRoutes = routes((app, { db }) => {
  app.post(
    '/rooms',
    {
      onRequest: authenticated,
      schema: {
        summary: 'Make a room and own it',
        security: BEARER,
        body: createRoomBodySchema,
        response: { 201: roomAnswerSchema, ...refusals('validation_failed', 'unauthenticated') },
      },
    },
    async (request, reply) => {
      const userId = userIdOf(request)
      const room = await roomOfMember(db, await createRoom(db, userId, request.body), userId)
      if (room === undefined) throw roomNotFound()
      return reply.code(201).send({ room })
    },
  )

  app.get(
    '/rooms',
    {
      onRequest: authenticated,
      schema: {
        summary: 'The rooms I am a member of, by id',
        security: BEARER,
        querystring: pageQuerySchema,
        response: { 200: roomsAnswerSchema, ...refusals('validation_failed', 'unauthenticated') },
      },
    },
    async (request) => {
      const { rooms, nextCursor } = await roomsOfUser(db, userIdOf(request), request.query)
      const senders = rooms.flatMap((room) => room.lastMessage?.senderId ?? [])
      return { rooms, nextCursor, users: await usersById(db, senders) }
    },
  )

  app.get(
    '/rooms/:roomId',
    {
      onRequest: authenticated,
      schema: {
        summary: 'One of my rooms',
        security: BEARER,
        params: roomParamsSchema,
        response: {
          200: roomAnswerSchema,
          ...refusals('validation_failed', 'unauthenticated', 'not_a_member', 'room_not_found'),
        },
      },
    },
    async (request) => {
      const { roomId } = request.params
      const room = await roomOfMember(db, roomId, userIdOf(request))
      if (room !== undefined) return { room }
      await assertMember(db, roomId, userIdOf(request))
      throw roomNotFound()
    },
  )
})
