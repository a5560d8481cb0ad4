import type { ClientFrameOf, ClientFrameType, Limits } from '@roomlog/protocol'
import type { Identity } from '@roomlog/service-kit'
import type { SignalHandler } from '../live/signals.ts'
import type { Rooms } from '../rooms/rooms.ts'
import type { Sends } from '../sends/sends.ts'
import type { Connection } from '../sockets/connection.ts'
import type { TokenBuckets } from '../sockets/limits.ts'
import { authenticate } from './authenticate.ts'
import { heartbeat } from './heartbeat.ts'
import { joinRoom, joinRooms } from './join-room.ts'
import { leaveRoom } from './leave-room.ts'
import { sendMessage } from './send-message.ts'
import { typing } from './typing.ts'

/** What handlers work with. */
export interface EdgeContext {
  readonly rooms: Rooms
  readonly sends: Sends
  readonly signals: SignalHandler
  /** By user: a join is a read of the database, whether the socket is in the room already or not. */
  readonly joins: Pick<TokenBuckets, 'take'>
  readonly limits: Limits
  /** Undefined for a token that is refused. */
  readonly identify: (token: string) => Identity | undefined
}

export type FrameHandler<T extends ClientFrameType> = (
  edge: EdgeContext,
  connection: Connection,
  frame: ClientFrameOf<T>,
) => void

/** One handler per client frame. */
export const HANDLERS: { readonly [T in ClientFrameType]: FrameHandler<T> } = {
  joinRoom,
  joinRooms,
  leaveRoom,
  sendMessage,
  heartbeat,
  typing,
  authenticate,
}
