import type { Tables, UserRow } from '@roomlog/db'
import { DELETED_DISPLAY_NAME, type User } from '@roomlog/protocol'
import type { Kysely } from 'kysely'
import { unauthenticated } from '../guards.ts'

/** What of a row of a table or alias `u` is shown. */
export const SHOWN = ['u.id', 'u.username', 'u.display_name', 'u.created_at', 'u.deleted_at'] as const

export type ShownUser = Pick<UserRow, 'id' | 'username' | 'display_name' | 'created_at' | 'deleted_at'>

/** The username of a deleted account stays in its row, which keeps it from being given again, and is not told. */
export function userOf({ id, username, display_name, created_at, deleted_at }: ShownUser): User {
  const names =
    deleted_at === null
      ? { username, displayName: display_name }
      : { username: '', displayName: DELETED_DISPLAY_NAME }
  return { id, ...names, createdAt: created_at.toISOString() }
}

/** The account of a token, which can outlive it. Throws `unauthenticated`. */
export async function accountOf(db: Kysely<Tables>, userId: string): Promise<UserRow> {
  const row = await db
    .selectFrom('chat.users')
    .selectAll()
    .where('id', '=', userId)
    .where('deleted_at', 'is', null)
    .executeTakeFirst()
  if (row === undefined) throw unauthenticated()
  return row
}

/** The users of these ids; unknown ones are left out. */
export async function usersById(db: Kysely<Tables>, ids: readonly string[]): Promise<Record<string, User>> {
  if (ids.length === 0) return {}
  const rows = await db
    .selectFrom('chat.users as u')
    .select(SHOWN)
    .where('u.id', 'in', [...new Set(ids)])
    .execute()
  return Object.fromEntries(rows.map((row) => [row.id, userOf(row)]))
}
