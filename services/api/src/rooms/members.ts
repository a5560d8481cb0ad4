import type { Tables } from '@roomlog/db'
import { LiveUnavailable, type Presence } from '@roomlog/live'
import type { Member, Role } from '@roomlog/protocol'
import { type Kysely, type RawBuilder, sql } from 'kysely'
import { type ShownUser, userOf } from '../accounts/users.ts'
import { type PageAsked, pageOf } from './pages.ts'

interface MemberRow extends ShownUser {
  readonly role: Role
  readonly joinedAt: Date
  readonly lastReadSeq: number
}

/** A page of a room's members, by user id, and the cursor of the next: the id of its last user. */
export async function membersOfRoom(
  db: Kysely<Tables>,
  presence: Presence,
  roomId: string,
  asked: PageAsked,
): Promise<{ members: Member[]; nextCursor: string | null }> {
  const { rows } = await membersQuery(roomId, asked).execute(db)
  const { page, nextCursor } = pageOf(rows, asked.limit, ({ id }) => id)
  return { members: await withPresence(presence, page), nextCursor }
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
export function membersQuery(roomId: string, { cursor, limit }: PageAsked): RawBuilder<MemberRow> {
  return select(sql`m.room_id = ${roomId} AND m.user_id > ${cursor ?? ''}`, limit + 1)
}

function select(where: RawBuilder<unknown>, limit: number): RawBuilder<MemberRow> {
  return sql<MemberRow>`
    SELECT u.id, u.username, u.display_name, u.created_at, u.deleted_at, m.role,
           m.joined_at AS "joinedAt", m.last_read_seq AS "lastReadSeq"
    FROM chat.room_members m JOIN chat.users u ON u.id = m.user_id
    WHERE ${where} ORDER BY m.user_id LIMIT ${limit}`
}

async function withPresence(presence: Presence, rows: readonly MemberRow[]): Promise<Member[]> {
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
