import { encodeFrame } from '../sockets/connection.ts'
import type { FrameHandler } from './handlers.ts'
import { refOf } from './ref.ts'

/** Most of what an idle socket hears: encoded once for all. */
const ACK = [encodeFrame({ type: 'heartbeatAck' })]

export const heartbeat: FrameHandler<'heartbeat'> = (_edge, connection, frame) => {
  if (frame.ref === undefined) connection.write(ACK)
  else connection.send({ type: 'heartbeatAck', ...refOf(frame) })
}
