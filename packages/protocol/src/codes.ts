/** Every error code of REST with its HTTP status. The list is closed; clients treat an unknown code by its HTTP class. */
export const ERROR_STATUS = {
  validation_failed: 400,
  bad_cursor: 400,
  invalid_json: 400,
  unauthenticated: 401,
  invalid_credentials: 401,
  not_a_member: 403,
  forbidden: 403,
  room_not_found: 404,
  user_not_found: 404,
  not_found: 404,
  method_not_allowed: 405,
  request_timeout: 408,
  username_taken: 409,
  last_owner: 409,
  too_large: 413,
  unsupported_media_type: 415,
  headers_too_large: 431,
  rate_limited: 429,
  internal: 500,
  unavailable: 503,
} as const

export type ErrorCode = keyof typeof ERROR_STATUS

/** The codes of `error` frames and failed acks: REST's, and those only a socket can meet. */
export type FrameErrorCode =
  | ErrorCode
  | 'bad_frame'
  | 'overloaded'
  | 'client_msg_id_reused'
  | 'too_many_rooms'

/** What a failed send tells its client. */
export const SEND_FAILURES = {
  /** Refused for good: the message will never appear. */
  validation_failed: { retryable: false },
  not_a_member: { retryable: false },
  room_not_found: { retryable: false },
  client_msg_id_reused: { retryable: false },
  /** Not published this time. */
  rate_limited: { retryable: true },
  overloaded: { retryable: true },
  /** Outcome unknown: the message may still appear. */
  unavailable: { retryable: true },
} as const satisfies Partial<Record<FrameErrorCode, { retryable: boolean }>>

export type SendFailureCode = keyof typeof SEND_FAILURES

/** What a client does after a close: connect again, log in or refresh first, or stop. */
export type AfterClose = 'reconnect' | 'reauthenticate' | 'stop'

/** Every WebSocket close code a client can meet, Roomlog's own above 4400. */
export const CLOSE_CODES = {
  normal: { code: 1000, client: 'stop' },
  goingAway: { code: 1001, client: 'reconnect' },
  protocolError: { code: 1002, client: 'stop' },
  binary: { code: 1003, client: 'stop' },
  abnormal: { code: 1006, client: 'reconnect' },
  notUtf8: { code: 1007, client: 'stop' },
  /** A message in too many fragments. */
  policyViolation: { code: 1008, client: 'stop' },
  tooBig: { code: 1009, client: 'stop' },
  internal: { code: 1011, client: 'reconnect' },
  restart: { code: 1012, client: 'reconnect' },
  overloaded: { code: 1013, client: 'reconnect' },
  badProtocol: { code: 4400, client: 'stop' },
  unauthenticated: { code: 4401, client: 'reauthenticate' },
  accountDeleted: { code: 4403, client: 'stop' },
  slowConsumer: { code: 4408, client: 'reconnect' },
  silent: { code: 4409, client: 'reconnect' },
  limitExceeded: { code: 4429, client: 'stop' },
} as const satisfies Record<string, { code: number; client: AfterClose }>

export type CloseReason = keyof typeof CLOSE_CODES
