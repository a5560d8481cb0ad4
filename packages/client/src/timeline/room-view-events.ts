import type { History, Message, ServerFrameOf } from '@roomlog/protocol/wire'

/** A page of history to read: the messages after `after`, or the last ones before `before`; ascending. */
export type PageRead = { readonly limit: number } & ({ readonly after: number } | { readonly before: number })

/**
 * What can happen to a room's view. `connection` is the number under which its owner opened the socket that a frame came
 * over, another one for each socket; `number` is that of the effect that is answered.
 */
export type RoomViewEvent =
  /** A socket is open and said welcome. */
  | { readonly type: 'connected'; readonly connection: number }
  | { readonly type: 'lost'; readonly connection: number }
  /** A frame of this room; `error` without a room is not. */
  | { readonly type: 'frame'; readonly connection: number; readonly frame: RoomFrame }
  | {
      readonly type: 'page'
      readonly number: number
      readonly page: Pick<History, 'messages' | 'epoch'>
    }
  /** A page could not be read; `retryable` says whether asking again can help. */
  | { readonly type: 'pageFailed'; readonly number: number; readonly retryable: boolean }
  /** The room is not to be seen any more. */
  | { readonly type: 'left' }
  /** The room is to be seen again after it was left, or its user is a member again. */
  | { readonly type: 'entered' }

export type RoomFrame =
  | ServerFrameOf<'joinedRoom'>
  | ServerFrameOf<'newMessage'>
  | ServerFrameOf<'leftRoom'>
  | { readonly type: 'removedFromRoom'; readonly roomId: string }
  | ServerFrameOf<'error'>

/**
 * What a view asks its owner to do, in this order; those with `afterMs` once so much time has passed, if `isDue` then
 * still says so.
 */
export type RoomViewEffect =
  /** Send `joinRoom` over this connection, with this `ref`; without `afterSeq` where it is undefined. */
  | {
      readonly type: 'join'
      readonly connection: number
      readonly number: number
      readonly ref: string
      readonly afterSeq: number | undefined
      readonly afterMs: number
    }
  /** Send `leaveRoom` over this connection. */
  | { readonly type: 'leave'; readonly connection: number }
  | { readonly type: 'readPage'; readonly number: number; readonly read: PageRead; readonly afterMs: number }
  /** The next messages of the room, ascending, directly behind those shown before. */
  | { readonly type: 'show'; readonly messages: readonly Message[] }
  /** Everything shown is void: the room's log is another one than before. What is shown next begins anew. */
  | { readonly type: 'forget' }
