import type { FrameHandler } from './handlers.ts'
import { refOf } from './ref.ts'

/** Prolongs the socket with a newer token of the same user; a refused one leaves it as it was. */
export const authenticate: FrameHandler<'authenticate'> = (edge, connection, frame) => {
  const identity = edge.identify(frame.token)
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
