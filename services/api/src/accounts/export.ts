import type { Tables, UserRow } from '@roomlog/db'
import type { ExportLine } from '@roomlog/protocol'
import { type Kysely, sql } from 'kysely'
import { MESSAGE_COLUMNS, type MessageColumns, messageOf } from '../rooms/messages.ts'
import { userOf } from './users.ts'

/** Of the longest bodies 1.2 MB. */
const PAGE_ROWS = 100

/** An account and all that is its own as JSON lines, a page of rows at a time. */
export async function* exportOf(db: Kysely<Tables>, user: UserRow): AsyncGenerator<string, void> {
  yield linesOf([{ type: 'account', ...userOf(user) }])
  yield* paged((after) => memberships(db, user.id, after))
  yield* paged((after) => removals(db, user.id, after))
  yield* paged((after) => sessions(db, user.id, after))
  for (let after = ''; ; ) {
    const rooms = await everRooms(db, user.id, after)
    for (const roomId of rooms) yield* paged((after) => ownMessages(db, roomId, user.id, after))
    if (rooms.length < PAGE_ROWS) return
    after = rooms.at(-1) ?? after
  }
}

interface Page {
  readonly lines: readonly ExportLine[]
  /** What the next page comes after; undefined at the end. */
  readonly next: string | undefined
}

async function* paged(read: (after: string) => Promise<Page>): AsyncGenerator<string, void> {
  for (let after: string | undefined = ''; after !== undefined; ) {
    const { lines, next }: Page = await read(after)
    if (lines.length > 0) yield linesOf(lines)
    after = next
  }
}

function linesOf(lines: readonly ExportLine[]): string {
  return lines.map((line) => `${JSON.stringify(line)}\n`).join('')
}

async function memberships(db: Kysely<Tables>, userId: string, after: string): Promise<Page> {
  const rows = await db
    .selectFrom('chat.room_members as m')
    .innerJoin('chat.rooms as r', 'r.id', 'm.room_id')
    .select(['m.room_id', 'r.name', 'm.role', 'm.joined_at', 'm.last_read_seq'])
    .where('m.user_id', '=', userId)
    .where('m.room_id', '>', after)
    .orderBy('m.room_id')
    .limit(PAGE_ROWS)
    .execute()
  const lines = rows.map((row) => ({
    type: 'membership' as const,
    roomId: row.room_id,
    roomName: row.name,
    role: row.role,
    joinedAt: row.joined_at.toISOString(),
    lastReadSeq: row.last_read_seq,
  }))
  return { lines, next: rows.length < PAGE_ROWS ? undefined : rows.at(-1)?.room_id }
}

async function removals(db: Kysely<Tables>, userId: string, after: string): Promise<Page> {
  const rows = await db
    .selectFrom('chat.room_bans')
    .select('room_id')
    .where('user_id', '=', userId)
    .where('room_id', '>', after)
    .orderBy('room_id')
    .limit(PAGE_ROWS)
    .execute()
  const lines = rows.map((row) => ({ type: 'removal' as const, roomId: row.room_id }))
  return { lines, next: rows.length < PAGE_ROWS ? undefined : rows.at(-1)?.room_id }
}

/** Their tokens are known by a hash alone, which tells nothing. */
async function sessions(db: Kysely<Tables>, userId: string, after: string): Promise<Page> {
  const rows = await db
    .selectFrom('chat.refresh_families')
    .select(['id', 'created_at', 'generation_at', 'expires_at', 'revoked_at'])
    .where('user_id', '=', userId)
    .where('id', '>', after)
    .orderBy('id')
    .limit(PAGE_ROWS)
    .execute()
  const lines = rows.map((row) => ({
    type: 'session' as const,
    id: row.id,
    createdAt: row.created_at.toISOString(),
    lastRefreshedAt: row.generation_at.toISOString(),
    expiresAt: row.expires_at.toISOString(),
    endedAt: row.revoked_at?.toISOString() ?? null,
  }))
  return { lines, next: rows.length < PAGE_ROWS ? undefined : rows.at(-1)?.id }
}

/** Rooms that the user is a member of or was: a page of them, by id. */
async function everRooms(db: Kysely<Tables>, userId: string, after: string): Promise<readonly string[]> {
  const { rows } = await sql<{ readonly id: string }>`
    SELECT room_id AS id FROM chat.room_members WHERE user_id = ${userId} AND room_id > ${after}
    UNION SELECT room_id FROM chat.past_members WHERE user_id = ${userId} AND room_id > ${after}
    ORDER BY id LIMIT ${PAGE_ROWS}`.execute(db)
  return rows.map(({ id }) => id)
}

/** By clientMsgId, along the index that begins with room and sender: by seq it would read everybody's messages. */
async function ownMessages(db: Kysely<Tables>, roomId: string, userId: string, after: string): Promise<Page> {
  const { rows } = await sql<MessageColumns>`
    SELECT ${MESSAGE_COLUMNS} FROM chat.messages m
    WHERE m.room_id = ${roomId} AND m.sender_id = ${userId} AND m.client_msg_id > ${after}
    ORDER BY m.client_msg_id LIMIT ${PAGE_ROWS}`.execute(db)
  const lines = rows.flatMap((row) => {
    const message = messageOf(roomId, row)
    return message === null ? [] : [{ type: 'message' as const, ...message }]
  })
  return { lines, next: rows.length < PAGE_ROWS ? undefined : rows.at(-1)?.clientMsgId }
}
