import type { Connection } from '../sockets/connection.ts'
import { OVERLOADED_RETRY_MS } from '../sockets/limits.ts'
import type { EdgeContext, FrameHandler } from './handlers.ts'
import { refOf } from './ref.ts'

interface Join {
  readonly roomId: string
  readonly afterSeq?: number | undefined
  readonly ref?: string | undefined
}

export const joinRoom: FrameHandler<'joinRoom'> = (edge, connection, frame) => {
  join(edge, connection, frame)
}

/** Each room is answered by itself. */
export const joinRooms: FrameHandler<'joinRooms'> = (edge, connection, { rooms, ref }) => {
  for (const room of rooms) join(edge, connection, { ...room, ref })
}

function join({ rooms, limits }: EdgeContext, connection: Connection, { roomId, afterSeq, ref }: Join): void {
  // A repeated join leaves the read of the one before in the line.
  if (rooms.readsOf(connection) >= limits.maxRoomsPerSocket) {
    connection.send({
      type: 'error',
      code: 'overloaded',
      message: 'too many joins of this socket are not answered yet',
      roomId,
      retryable: true,
      retryAfterMs: OVERLOADED_RETRY_MS,
      ...refOf({ ref }),
    })
    return
  }
  if (connection.rooms.size >= limits.maxRoomsPerSocket && !connection.rooms.has(roomId)) {
    connection.send({
      type: 'error',
      code: 'too_many_rooms',
      message: `a socket is in at most ${limits.maxRoomsPerSocket} rooms`,
      roomId,
      retryable: false,
      ...refOf({ ref }),
    })
    return
  }
  rooms.join(connection, roomId, afterSeq, ref)
}
