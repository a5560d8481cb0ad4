import { type Kysely, sql } from 'kysely'

/** What lists of rooms and of owners are read from. */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of STATEMENTS) await statement.execute(db)
}

const STATEMENTS = [
  // Compared as bytes, so that a prefix is a range. A column and not an expression in the index alone: for that the
  // planner guesses, and then reads and sorts all that match for each page (measured on PostgreSQL 15).
  sql`ALTER TABLE chat.rooms ADD COLUMN folded_name text COLLATE "C" NOT NULL
    GENERATED ALWAYS AS (lower(name)) STORED`,
  // In the order of the public list. `member_count` moves with joins and removals, never with the head: what the
  // persister updates stays on its page.
  sql`CREATE INDEX rooms_public ON chat.rooms (folded_name, id) WHERE visibility = 'public' AND member_count > 0`,
  // Whether an owner remains is looked at under the room's lock, however many members there are.
  sql`CREATE INDEX room_members_owners ON chat.room_members (room_id, user_id) WHERE role = 'owner'`,
]
