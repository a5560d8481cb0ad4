import type { FrameHandler } from './handlers.ts'
import { refOf } from './ref.ts'

/** No frame of the room follows the answer. */
export const leaveRoom: FrameHandler<'leaveRoom'> = ({ rooms }, connection, frame) => {
  rooms.leave(connection, frame.roomId)
  connection.send({ type: 'leftRoom', roomId: frame.roomId, ...refOf(frame) })
}
