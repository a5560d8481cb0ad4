import type { ServerFrameOf } from '@roomlog/protocol'
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
  for (const room of rooms) {
    // Closed for the refusals of those before.
    if (!connection.isOpen) return
    join(edge, connection, { ...room, ref })
  }
}

function join(
  { rooms, joins, limits }: EdgeContext,
  connection: Connection,
  { roomId, afterSeq, ref }: Join,
): void {
  const refuse = (refusal: Refusal) => {
    connection.send({ type: 'error', roomId, ...refusal, ...refOf({ ref }) })
    connection.joinRefused()
  }
  // A repeated join leaves the read of the one before in the line.
  if (rooms.readsOf(connection) >= limits.maxRoomsPerSocket) {
    refuse({ ...OVERLOADED, message: 'too many joins of this socket are not answered yet' })
    return
  }
  if (connection.rooms.size >= limits.maxRoomsPerSocket && !connection.rooms.has(roomId)) {
    const message = `a socket is in at most ${limits.maxRoomsPerSocket} rooms`
    refuse({ code: 'too_many_rooms', message, retryable: false })
    return
  }
  const waitMs = joins.take(connection.userId)
  if (waitMs > 0) {
    const retryAfterMs = Math.max(waitMs, OVERLOADED_RETRY_MS)
    refuse({ ...OVERLOADED, message: 'too many joins of this user', retryAfterMs })
    return
  }
  rooms.join(connection, roomId, afterSeq, ref)
}

type Refusal = Omit<ServerFrameOf<'error'>, 'type' | 'roomId' | 'ref'>

const OVERLOADED = { code: 'overloaded', retryable: true, retryAfterMs: OVERLOADED_RETRY_MS } as const
