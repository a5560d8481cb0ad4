import type { Tables } from '@roomlog/db'
import { LiveUnavailable, type Presence } from '@roomlog/live'
import type { Member, Role } from '@roomlog/protocol'
import { type Kysely, type RawBuilder, sql } from 'kysely'
import { type ShownUser, userOf } from '../accounts/users.ts'

interface MemberRow extends ShownUser {
  readonly role: Role
  readonly joinedAt: Date
  readonly lastReadSeq: number
}

interface MembersPage {
  /** The id of the page before's last user. */
  readonly cursor?: string | undefined
  readonly limit: number
}

/** A page of a room's members, by user id, and the cursor of the next. */
export async function membersOfRoom(
  db: Kysely<Tables>,
  presence: Presence,
  roomId: string,
  page: MembersPage,
): Promise<{ readonly members: readonly Member[]; readonly nextCursor: string | null }> {
  const found = await membersQuery(roomId, page).execute(db)
  const members = await withPresence(presence, found.rows.slice(0, page.limit))
  return { members, nextCursor: found.rows.length > page.limit ? (members.at(-1)?.user.id ?? null) : null }
}

/** Undefined: not a member. */
export async function memberOfRoom(
  db: Kysely<Tables>,
  presence: Presence,
  roomId: string,
  userId: string,
): Promise<Member | undefined> {
  const { rows } = await select(sql`m.room_id = ${roomId} AND m.user_id = ${userId}`, 1).execute(db)
  const [member] = await withPresence(presence, rows)
  return member
}

/** Asks for one more than the page holds. */
export function membersQuery(roomId: string, { cursor, limit }: MembersPage): RawBuilder<MemberRow> {
  return select(sql`m.room_id = ${roomId} AND m.user_id > ${cursor ?? ''}`, limit + 1)
}

function select(where: RawBuilder<unknown>, limit: number): RawBuilder<MemberRow> {
  return sql<MemberRow>`
    SELECT u.id, u.username, u.display_name, u.created_at, u.deleted_at, m.role,
           m.joined_at AS "joinedAt", m.last_read_seq AS "lastReadSeq"
    FROM chat.room_members m JOIN chat.users u ON u.id = m.user_id
    WHERE ${where} ORDER BY m.user_id LIMIT ${limit}`
}

async function withPresence(presence: Presence, rows: readonly MemberRow[]): Promise<readonly Member[]> {
  const online = await onlineOf(
    presence,
    rows.map(({ id }) => id),
  )
  return rows.map((row) => ({
    user: userOf(row),
    role: row.role,
    online: online.get(row.id) ?? null,
    joinedAt: row.joinedAt.toISOString(),
    lastReadSeq: row.lastReadSeq,
  }))
}

/** Members are shown also while the store of presence is away; it says so within its own bound. */
async function onlineOf(
  presence: Presence,
  userIds: readonly string[],
): Promise<ReadonlyMap<string, boolean>> {
  try {
    return await presence.online(userIds)
  } catch (error) {
    if (!(error instanceof LiveUnavailable)) throw error
    return new Map()
  }
}
