import { z } from 'zod'
import { BODY_MAX_UNITS, DEFAULT_LIMITS, type Limits } from './limits.ts'

function limit(name: keyof Limits, max: number) {
  return z
    .string()
    .regex(/^[0-9]{1,9}$/, `must be a whole number of 1 to ${max}`)
    .transform(Number)
    .pipe(z.int().min(1, 'must be at least 1').max(max, `must be at most ${max}`))
    .default(DEFAULT_LIMITS[name])
}

const MIB = 1024 * 1024

/** The clients' limits as settings: api tells them, edges keep them. */
export const limitSettings = {
  // What an event may carry is fixed: a larger body would be refused after its acknowledgement.
  MAX_BODY: limit('maxBody', BODY_MAX_UNITS).describe('UTF-16 units of a body'),
  MAX_FRAME_BYTES: limit('maxFrameBytes', MIB).describe('Bytes of a frame from a client'),
  MAX_ROOMS_PER_SOCKET: limit('maxRoomsPerSocket', 10_000).describe('Rooms that a socket is in at once'),
  MAX_SOCKETS_PER_USER: limit('maxSocketsPerUser', 10_000).describe('Per edge; the next closes the oldest'),
  MAX_ROOMS_PER_JOIN: limit('maxRoomsPerJoin', 1000).describe('Rooms of one joinRooms'),
  MAX_RESUME: limit('maxResume', 10_000).describe('Missed messages that a join delivers'),
  MAX_UNACKED: limit('maxUnacked', 1000).describe('Sends of a socket that wait for their ack'),
  MESSAGES_PER_SECOND: limit('messagesPerSecond', 100_000).describe(
    'Of one user, with a burst of MESSAGE_BURST',
  ),
  MESSAGE_BURST: limit('messageBurst', 100_000).describe('Messages of one user at once'),
  ROOM_MESSAGES_PER_SECOND: limit('roomMessagesPerSecond', 100_000).describe('Of all members of one room'),
  FRAMES_PER_SECOND: limit('framesPerSecond', 100_000).describe('Of one socket, of any type'),
}

export function limitsOf(settings: z.infer<z.ZodObject<typeof limitSettings>>): Limits {
  return {
    maxBody: settings.MAX_BODY,
    maxFrameBytes: settings.MAX_FRAME_BYTES,
    maxRoomsPerSocket: settings.MAX_ROOMS_PER_SOCKET,
    maxSocketsPerUser: settings.MAX_SOCKETS_PER_USER,
    maxRoomsPerJoin: settings.MAX_ROOMS_PER_JOIN,
    maxResume: settings.MAX_RESUME,
    maxUnacked: settings.MAX_UNACKED,
    messagesPerSecond: settings.MESSAGES_PER_SECOND,
    messageBurst: settings.MESSAGE_BURST,
    roomMessagesPerSecond: settings.ROOM_MESSAGES_PER_SECOND,
    framesPerSecond: settings.FRAMES_PER_SECOND,
  }
}
