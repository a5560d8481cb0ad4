// The door for browsers: types, code tables and limits, without the schema library behind them.
export {
  type AfterClose,
  CLOSE_CODES,
  type CloseReason,
  ERROR_STATUS,
  type ErrorCode,
  type FrameErrorCode,
  SEND_FAILURES,
  type SendFailureCode,
} from './codes.ts'
export {
  BEARER_SUBPROTOCOL_PREFIX,
  HEARTBEAT_INTERVAL_MS,
  SUBPROTOCOL,
  TOKEN_AUDIENCES,
  TOKEN_ISSUER,
  TOKEN_TYPE,
  WS_PATH,
} from './connecting.ts'
export type {
  ClientFrame,
  ClientFrameOf,
  ClientFrameType,
  ServerFrame,
  ServerFrameOf,
  ServerFrameType,
} from './frames.ts'
export {
  BODY_MAX_UNITS,
  DEFAULT_LIMITS,
  type Limits,
  MAX_LIVELY_MEMBERS,
  PASSWORD_MAX_BYTES,
  PASSWORD_MIN_BYTES,
  USERNAME,
} from './limits.ts'
export type { Message } from './message.ts'
export type { Session, User } from './rest/accounts.ts'
export type { ExportLine } from './rest/export.ts'
export type { History } from './rest/history.ts'
export type { Member } from './rest/members.ts'
export type { PublicRoom } from './rest/public-rooms.ts'
export type { ReadPosition } from './rest/read-positions.ts'
export type { Role, Room, Visibility } from './rest/rooms.ts'
