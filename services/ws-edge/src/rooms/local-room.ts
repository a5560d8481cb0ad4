import type { Connection } from '../sockets/connection.ts'
import type { Subscription } from './room-events.ts'
import type { RoomState } from './room-state.ts'

/** A join of a connection. */
export interface RoomSubscription extends Subscription {
  readonly roomId: string
  readonly connection: Connection
  /** The client's own mark on its join, given back with the answer. */
  ref: string | undefined
}

/** A room with a socket here. */
export interface LocalRoom {
  readonly id: string
  readonly state: RoomState<RoomSubscription>
  /** As of the latest read. */
  memberCount: number
}
