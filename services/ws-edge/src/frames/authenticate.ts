import { type Identity, TokenError } from '@roomlog/service-kit'
import type { EdgeContext, FrameHandler } from './handlers.ts'
import { refOf } from './ref.ts'

/** Prolongs the socket with a newer token of the same user; a refused one leaves it as it was. */
export const authenticate: FrameHandler<'authenticate'> = (edge, connection, frame) => {
  const identity = identityOf(edge, frame.token)
  if (identity === undefined || identity.userId !== connection.userId) {
    connection.send({
      type: 'error',
      code: 'unauthenticated',
      message: 'a valid access token of the same user is needed',
      retryable: false,
      ...refOf(frame),
    })
    return
  }
  connection.prolong(identity)
  connection.send({ type: 'authenticated', expiresInMs: connection.expiresInMs, ...refOf(frame) })
}

function identityOf({ identify }: EdgeContext, token: string): Identity | undefined {
  try {
    return identify(token)
  } catch (error) {
    if (error instanceof TokenError) return undefined
    throw error
  }
}
