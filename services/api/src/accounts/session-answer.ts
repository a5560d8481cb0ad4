import { newId, type Session } from '@roomlog/protocol'
import type { FastifyInstance } from 'fastify'
import type { NewSession } from './sessions.ts'
import { type ShownUser, userOf } from './users.ts'

/** What a client gets who registered, logged in or refreshed. */
export function sessionAnswer(
  app: FastifyInstance,
  user: ShownUser,
  { sessionId, refreshToken }: NewSession,
  accessTtlS: number,
): Session {
  return {
    accessToken: app.mintToken({ userId: user.id, sessionId, tokenId: newId() }),
    tokenType: 'Bearer',
    expiresIn: accessTtlS,
    refreshToken,
    user: userOf(user),
  }
}
