import { ERROR_STATUS, type ErrorCode } from '@roomlog/protocol'

/** An answer that is not the expected one; handlers throw it, the error handler writes it. */
export class ApiError extends Error {
  override readonly name = 'ApiError'
  readonly code: ErrorCode
  readonly retryAfterS: number | undefined

  constructor(code: ErrorCode, message: string, options: ErrorOptions & { retryAfterS?: number } = {}) {
    super(message, options)
    this.code = code
    this.retryAfterS = options.retryAfterS
  }

  get status(): number {
    return ERROR_STATUS[this.code]
  }
}
