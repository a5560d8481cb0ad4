import { type Kysely, sql } from 'kysely'

/** The truth: accounts, rooms, members, messages. Ids compare as bytes (`COLLATE "C"`): linguistic order is slower and not the ULIDs'. */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of STATEMENTS) await statement.execute(db)
}

const STATEMENTS = [
  sql`CREATE TABLE chat.cluster (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    epoch text COLLATE "C" NOT NULL)`,
  sql`INSERT INTO chat.cluster (epoch) VALUES (gen_random_uuid()::text)`,
  sql`CREATE TABLE chat.users (
    id text COLLATE "C" PRIMARY KEY,
    username text COLLATE "C" NOT NULL UNIQUE,
    display_name text NOT NULL,
    password_hash text,
    created_at timestamptz(3) NOT NULL DEFAULT now(),
    deleted_at timestamptz(3))`,
  sql`CREATE TABLE chat.refresh_families (
    id text COLLATE "C" PRIMARY KEY,
    user_id text COLLATE "C" NOT NULL REFERENCES chat.users,
    generation integer NOT NULL DEFAULT 1,
    generation_at timestamptz(3) NOT NULL DEFAULT now(),
    expires_at timestamptz(3) NOT NULL,
    revoked_at timestamptz(3),
    created_at timestamptz(3) NOT NULL DEFAULT now())`,
  sql`CREATE INDEX refresh_families_user ON chat.refresh_families (user_id)`,
  sql`CREATE TABLE chat.refresh_tokens (
    hash bytea PRIMARY KEY,
    family text COLLATE "C" NOT NULL REFERENCES chat.refresh_families ON DELETE CASCADE,
    generation integer NOT NULL)`,
  sql`CREATE INDEX refresh_tokens_family ON chat.refresh_tokens (family)`,
  // Half-empty pages and no index on what moves: an update of the head stays on its page (HOT).
  sql`CREATE TABLE chat.rooms (
    id text COLLATE "C" PRIMARY KEY,
    name text NOT NULL,
    visibility text NOT NULL CHECK (visibility IN ('public', 'private')),
    last_seq bigint NOT NULL DEFAULT 0,
    last_message_id text COLLATE "C",
    last_message_at timestamptz(3),
    member_version bigint NOT NULL DEFAULT 1,
    member_count integer NOT NULL DEFAULT 0,
    created_at timestamptz(3) NOT NULL DEFAULT now()) WITH (fillfactor = 50)`,
  sql`CREATE TABLE chat.room_bans (
    room_id text COLLATE "C" NOT NULL REFERENCES chat.rooms,
    user_id text COLLATE "C" NOT NULL REFERENCES chat.users,
    PRIMARY KEY (room_id, user_id))`,
  sql`CREATE TABLE chat.room_members (
    room_id text COLLATE "C" NOT NULL REFERENCES chat.rooms,
    user_id text COLLATE "C" NOT NULL REFERENCES chat.users,
    role text NOT NULL CHECK (role IN ('owner', 'member')),
    joined_at timestamptz(3) NOT NULL DEFAULT now(),
    last_read_message_id text COLLATE "C",
    last_read_seq bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (room_id, user_id))`,
  sql`CREATE INDEX room_members_user ON chat.room_members (user_id, room_id)`,
  // No foreign key to users or rooms: each insert would lock those rows, and the persister has checked the room.
  sql`CREATE TABLE chat.messages (
    room_id text COLLATE "C" NOT NULL,
    seq bigint NOT NULL,
    id text COLLATE "C" NOT NULL,
    sender_id text COLLATE "C" NOT NULL,
    client_msg_id text COLLATE "C" NOT NULL,
    body text NOT NULL,
    created_at timestamptz(3) NOT NULL,
    source_partition integer NOT NULL,
    source_offset bigint NOT NULL,
    PRIMARY KEY (room_id, seq),
    UNIQUE (room_id, id),
    UNIQUE (room_id, sender_id, client_msg_id))`,
]
