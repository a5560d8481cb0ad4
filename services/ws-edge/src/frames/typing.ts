import type { FrameHandler } from './handlers.ts'

/** Only who is live in the room is typing: whose join is not answered yet may be no member. There is no answer. */
export const typing: FrameHandler<'typing'> = ({ rooms, signals }, connection, { roomId, isTyping }) => {
  if (rooms.isLive(connection, roomId)) signals.typing(connection.userId, roomId, isTyping)
}
