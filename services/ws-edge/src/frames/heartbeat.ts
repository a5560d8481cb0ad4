import type { FrameHandler } from './handlers.ts'
import { refOf } from './ref.ts'

export const heartbeat: FrameHandler<'heartbeat'> = (_edge, connection, frame) => {
  connection.send({ type: 'heartbeatAck', ...refOf(frame) })
}
