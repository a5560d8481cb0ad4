import { type Kysely, sql } from 'kysely'

/** What Kafka and Redis are on the full engine, as tables. */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of STATEMENTS) await statement.execute(db)
}

const STATEMENTS = [
  sql`CREATE TABLE engine.log_heads (
    topic text COLLATE "C" NOT NULL,
    partition integer NOT NULL,
    next_offset bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (topic, partition)) WITH (fillfactor = 50)`,
  sql`CREATE TABLE engine.log_records (
    topic text COLLATE "C" NOT NULL,
    partition integer NOT NULL,
    "offset" bigint NOT NULL,
    key text COLLATE "C",
    headers jsonb NOT NULL DEFAULT '{}',
    value bytea,
    at timestamptz(3) NOT NULL DEFAULT now(),
    PRIMARY KEY (topic, partition, "offset"))`,
  // A row of a group is made when it first subscribes; its position is null until something is committed.
  sql`CREATE TABLE engine.log_cursors (
    "group" text COLLATE "C" NOT NULL,
    topic text COLLATE "C" NOT NULL,
    partition integer NOT NULL,
    next_offset bigint,
    owner text COLLATE "C",
    until timestamptz,
    touched_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY ("group", topic, partition)) WITH (fillfactor = 50)`,
  sql`CREATE TABLE engine.log_members (
    "group" text COLLATE "C" NOT NULL,
    member text COLLATE "C" NOT NULL,
    until timestamptz NOT NULL,
    PRIMARY KEY ("group", member)) WITH (fillfactor = 50)`,
  // Lost in a crash of the server, and rebuilt by the next heartbeats: presence needs no write-ahead log.
  sql`CREATE UNLOGGED TABLE engine.presence_sockets (
    user_id text COLLATE "C" NOT NULL,
    socket_id text COLLATE "C" NOT NULL,
    until timestamptz NOT NULL,
    PRIMARY KEY (user_id, socket_id))`,
  sql`CREATE UNLOGGED TABLE engine.presence_users (
    user_id text COLLATE "C" PRIMARY KEY,
    due_at timestamptz NOT NULL,
    announced boolean NOT NULL DEFAULT false)`,
  // One for all users, so that the row of a user who is gone can go too.
  sql`CREATE SEQUENCE engine.presence_transitions`,
  sql`CREATE INDEX presence_users_due ON engine.presence_users (due_at)`,
]
