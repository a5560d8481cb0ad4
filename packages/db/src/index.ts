export { type ConnectOptions, connect, type Database, type DedicatedClient } from './connect.ts'
export { type FailureKind, failureKind, isUnavailable, isUniqueViolation, sqlState } from './errors.ts'
export { idArray } from './id-array.ts'
export { type ListenOptions, listen } from './listen.ts'
export { LOGINS, type Login, makeLogins } from './logins.ts'
export { type MigrateResult, migrate } from './migrate.ts'
export { ROLES } from './roles.ts'
export {
  type MessageRow,
  type NewUser,
  NO_SOURCE_PARTITION,
  type RoomMemberRow,
  type RoomRow,
  type Tables,
  type UserRow,
} from './tables.ts'
