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
export type {
  ClientFrame,
  ClientFrameOf,
  ClientFrameType,
  ServerFrame,
  ServerFrameOf,
  ServerFrameType,
} from './frames.ts'
export {
  BEARER_SUBPROTOCOL_PREFIX,
  BODY_MAX_UNITS,
  DEFAULT_LIMITS,
  HEARTBEAT_INTERVAL_MS,
  type Limits,
  MAX_LIVELY_MEMBERS,
  SUBPROTOCOL,
  TOKEN_AUDIENCES,
  TOKEN_ISSUER,
  TOKEN_TYPE,
  WS_PATH,
} from './limits.ts'
export type { Message } from './message.ts'
export type {
  ExportLine,
  History,
  Member,
  PublicRoom,
  ReadPosition,
  Role,
  Room,
  Session,
  User,
  Visibility,
} from './rest.ts'
