import type { ErrorCode, FrameErrorCode } from '@roomlog/protocol/wire'

/**
 * Why a call came to nothing: a code of the api; `network` when no answer came; `signed_out` when there is no session,
 * or it has ended. A code of a later build is text like these: look at `status` where you know none.
 */
export type RoomlogErrorCode = ErrorCode | FrameErrorCode | 'network' | 'signed_out'

export interface ErrorFacts {
  /** Of HTTP; 0 where no answer came. */
  readonly status?: number
  readonly retryAfterMs?: number | undefined
  readonly details?: unknown
  readonly cause?: unknown
}

export class RoomlogError extends Error {
  override readonly name = 'RoomlogError'
  readonly code: RoomlogErrorCode
  readonly status: number
  /** When the api wants to be asked again at the earliest. */
  readonly retryAfterMs: number | undefined
  readonly details: unknown

  constructor(code: RoomlogErrorCode, message: string, facts: ErrorFacts = {}) {
    super(message, facts)
    this.code = code
    this.status = facts.status ?? 0
    this.retryAfterMs = facts.retryAfterMs
    this.details = facts.details
  }

  /** Whether the same call may succeed later. */
  get retryable(): boolean {
    const { code, status } = this
    return code === 'network' || status === 408 || status === 429 || status >= 500
  }
}

/** Of anything that was thrown; undefined where it is no `RoomlogError`. */
export function codeOf(error: unknown): RoomlogErrorCode | undefined {
  return error instanceof RoomlogError ? error.code : undefined
}

/** Of anything that was thrown. */
export function isRetryable(error: unknown): boolean {
  return error instanceof RoomlogError && error.retryable
}
