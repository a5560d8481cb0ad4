import type { FrameHandler } from './handlers.ts'

/** Only who has joined is typing; there is no answer. */
export const typing: FrameHandler<'typing'> = ({ signals }, connection, { roomId, isTyping }) => {
  if (connection.rooms.has(roomId)) signals.typing(connection.userId, roomId, isTyping)
}
