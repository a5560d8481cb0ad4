import type { ClientFrameOf, FrameErrorCode } from '@roomlog/protocol/wire'
import type { Send } from './outbox-state.ts'

/** A message as it is queued. */
export type NewSend = Pick<Send, 'clientMsgId' | 'roomId' | 'body' | 'createdAt'>

/** What can happen to what is on its way. */
export type OutboxEvent =
  | { readonly type: 'queue'; readonly send: NewSend }
  /** What another tab left behind, in the order of sending. */
  | { readonly type: 'adopt'; readonly sends: readonly (NewSend & { readonly code?: FrameErrorCode })[] }
  | { readonly type: 'connected'; readonly maxUnacked: number }
  | { readonly type: 'lost' }
  | { readonly type: 'ack'; readonly clientMsgId: string; readonly roomId: string; readonly answer: Answer }
  /** It was seen in the room's log. */
  | { readonly type: 'seen'; readonly clientMsgId: string; readonly roomId: string; readonly seq: number }
  | {
      readonly type: 'refused'
      readonly clientMsgId: string
      readonly roomId: string
      readonly code: FrameErrorCode
    }
  /** One that was refused is sent once more, behind all others of its room. */
  | { readonly type: 'retry'; readonly clientMsgId: string; readonly roomId: string }
  /** It is not to be sent, or shown, any more. */
  | { readonly type: 'discard'; readonly clientMsgId: string; readonly roomId: string }
  | { readonly type: 'timer' }

export type Answer =
  | { readonly status: 'ACCEPTED'; readonly seq?: number }
  | {
      readonly status: 'FAILED'
      readonly code: FrameErrorCode
      readonly retryable: boolean
      readonly retryAfterMs?: number
    }

/** When something happened, on the monotonic clock, and a number 0 ≤ `draw` < 1 for what is left to chance. */
export interface Moment {
  readonly nowMs: number
  readonly draw: number
}

/** What the owner does, in this order. */
export type OutboxEffect =
  | { readonly type: 'write'; readonly frame: ClientFrameOf<'sendMessage'> }
  /** It is new, or has another state than before. `persisted` is said last of a send. */
  | { readonly type: 'changed'; readonly send: Send }
  | { readonly type: 'discarded'; readonly send: Send }
