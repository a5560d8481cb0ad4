import type { LogRecord } from '@roomlog/event-log'
import type { MessageAddress, MessageCreated, RejectionCode } from '@roomlog/events'
import type { Message } from '@roomlog/protocol'

/** A record that could be read; the database judges it. */
export interface Candidate {
  readonly record: LogRecord
  readonly event: MessageCreated
}

/** Why a record was given up. */
export const DEAD_REASONS = ['undecodable', 'unstorable', 'room_not_found'] as const
export type DeadReason = (typeof DEAD_REASONS)[number]

export interface DeadRecord {
  readonly kind: 'dead'
  readonly record: LogRecord
  readonly reason: DeadReason
  /** For people; never anything of the body. */
  readonly detail: string
  readonly code: RejectionCode
  /** Whom to tell; undefined where it cannot be read. */
  readonly address: MessageAddress | undefined
}

/** What became of one record; `epoch` is that of the database which has the message. */
export type Verdict =
  | { readonly kind: 'stored'; readonly message: Message; readonly epoch: string }
  /** This very record was stored before, and may have died before it was published. */
  | { readonly kind: 'redelivered'; readonly message: Message; readonly epoch: string }
  /** A client's repeat of what is stored; its message was or will be published with the record that was stored. */
  | { readonly kind: 'duplicate' }
  /** The clientMsgId is taken by another body. */
  | { readonly kind: 'reused'; readonly event: MessageCreated }
  | DeadRecord
