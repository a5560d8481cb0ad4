import type { Tables, UserRow } from '@roomlog/db'
import type { User } from '@roomlog/protocol'
import type { Kysely } from 'kysely'

type Shown = Pick<UserRow, 'id' | 'username' | 'display_name' | 'created_at'>

export function userOf(row: Shown): User {
  return {
    id: row.id,
    username: row.username,
    displayName: row.display_name,
    createdAt: row.created_at.toISOString(),
  }
}

/** The users of these ids; unknown ones are left out. */
export async function usersById(db: Kysely<Tables>, ids: readonly string[]): Promise<Record<string, User>> {
  if (ids.length === 0) return {}
  const rows = await db
    .selectFrom('chat.users')
    .select(['id', 'username', 'display_name', 'created_at'])
    .where('id', 'in', [...new Set(ids)])
    .execute()
  return Object.fromEntries(rows.map((row) => [row.id, userOf(row)]))
}
