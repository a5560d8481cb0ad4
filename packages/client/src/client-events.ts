import type { ServerFrameOf } from '@roomlog/protocol/wire'
import type { Send } from './outbox/outbox-state.ts'

/**
 * What the edge tells, by the name of its frame: `newMessage` of any room, of which only a timeline has all, also after a
 * loss; `presence` and `typing` of others; `readCursor`, how far a member has read; `roomChanged`, when what is shown of a
 * room is to be read again; `roomAdded` and `removedFromRoom`, of this user.
 */
export type Told =
  | 'newMessage'
  | 'presence'
  | 'typing'
  | 'readCursor'
  | 'roomChanged'
  | 'roomAdded'
  | 'removedFromRoom'

export type ClientEvents = { readonly [Type in Told]: ServerFrameOf<Type> } & {
  /** A message of one's own has another state. */
  readonly send: Send
}
