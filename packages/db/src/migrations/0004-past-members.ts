import { type Kysely, sql } from 'kysely'

/** Where a user may have left messages: every query on messages names its room, and memberships are deleted. */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of STATEMENTS) await statement.execute(db)
}

const STATEMENTS = [
  sql`CREATE TABLE chat.past_members (
    user_id text COLLATE "C" NOT NULL,
    room_id text COLLATE "C" NOT NULL,
    PRIMARY KEY (user_id, room_id))`,
  // By a trigger, so that no way out of a room, now or later, can forget it. It works as the role that deletes.
  sql`CREATE FUNCTION chat.keep_past_members() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      INSERT INTO chat.past_members (user_id, room_id) SELECT user_id, room_id FROM ended ON CONFLICT DO NOTHING;
      RETURN NULL;
    END $$`,
  sql`CREATE TRIGGER keep_past_members AFTER DELETE ON chat.room_members
    REFERENCING OLD TABLE AS ended FOR EACH STATEMENT EXECUTE FUNCTION chat.keep_past_members()`,
]
