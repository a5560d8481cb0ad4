import type { Role, Visibility } from '@roomlog/protocol'
import type { ColumnType, Generated, GeneratedAlways, Insertable, Selectable } from 'kysely'

/** bigint columns arrive as numbers: seqs and offsets stay far below 2^53. */
type Bigint = ColumnType<number, number | undefined, number>
/** timestamptz(3) columns arrive as Date. */
type Time = ColumnType<Date, Date | undefined, Date>

export interface ClusterTable {
  /** Changes when the database was restored from a backup: what clients know of seqs is void then. */
  epoch: string
}

export interface UsersTable {
  id: string
  username: string
  display_name: string
  password_hash: string | null
  created_at: Time
  deleted_at: ColumnType<Date | null, Date | null | undefined, Date | null>
}

/** One login: its refresh tokens rotate by generation, and its id is the `sid` of its access tokens. */
export interface RefreshFamiliesTable {
  id: string
  user_id: string
  generation: Generated<number>
  /** When the newest generation's first token was made. */
  generation_at: Time
  expires_at: Date
  revoked_at: ColumnType<Date | null, Date | null | undefined, Date | null>
  created_at: Time
}

export interface RefreshTokensTable {
  /** SHA-256 of the token. */
  hash: Buffer
  family: string
  generation: number
}

export interface RoomsTable {
  id: string
  name: string
  /** In lower case, by which it is searched. */
  folded_name: GeneratedAlways<string>
  visibility: Visibility
  /** Moved by the persister alone. */
  last_seq: Bigint
  last_message_id: string | null
  last_message_at: ColumnType<Date | null, Date | null | undefined, Date | null>
  /** Rises with each removal of a member. */
  member_version: Bigint
  member_count: Generated<number>
  created_at: Time
}

export interface RoomBansTable {
  room_id: string
  user_id: string
}

export interface RoomMembersTable {
  room_id: string
  user_id: string
  role: Role
  joined_at: Time
  last_read_message_id: string | null
  last_read_seq: Bigint
}

/** Kept by the database itself, when a membership ends. */
export interface PastMembersTable {
  user_id: string
  room_id: string
}

/** `source_partition` of rows that were taken over from a log which was left behind: they came from no record of this one. */
export const NO_SOURCE_PARTITION = -1

export interface MessagesTable {
  room_id: string
  seq: number
  id: string
  sender_id: string
  client_msg_id: string
  body: string
  created_at: Date
  /** Where the record stood that was stored: a hint by which a redelivery is told from a repeat. */
  source_partition: number
  source_offset: number
}

export interface LogHeadsTable {
  topic: string
  partition: number
  next_offset: Bigint
}

export interface LogRecordsTable {
  topic: string
  partition: number
  offset: number
  key: string | null
  headers: ColumnType<Record<string, string>, string, string>
  value: Buffer | null
  at: Time
}

export interface LogCursorsTable {
  group: string
  topic: string
  partition: number
  next_offset: number | null
  owner: string | null
  until: Date | null
  touched_at: Time
}

export interface LogMembersTable {
  group: string
  member: string
  until: Date
}

export interface PresenceSocketsTable {
  user_id: string
  socket_id: string
  until: Date
}

/** One row per user who has or had sockets: when to look, and whether `online` was announced. */
export interface PresenceUsersTable {
  user_id: string
  due_at: Date
  announced: boolean
}

export interface Tables {
  'chat.cluster': ClusterTable
  'chat.users': UsersTable
  'chat.refresh_families': RefreshFamiliesTable
  'chat.refresh_tokens': RefreshTokensTable
  'chat.rooms': RoomsTable
  'chat.room_bans': RoomBansTable
  'chat.room_members': RoomMembersTable
  'chat.past_members': PastMembersTable
  'chat.messages': MessagesTable
  'engine.log_heads': LogHeadsTable
  'engine.log_records': LogRecordsTable
  'engine.log_cursors': LogCursorsTable
  'engine.log_members': LogMembersTable
  'engine.presence_sockets': PresenceSocketsTable
  'engine.presence_users': PresenceUsersTable
}

export type UserRow = Selectable<UsersTable>
export type NewUser = Insertable<UsersTable>
export type RoomRow = Selectable<RoomsTable>
export type RoomMemberRow = Selectable<RoomMembersTable>
export type MessageRow = Selectable<MessagesTable>
