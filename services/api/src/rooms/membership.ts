import type { Tables } from '@roomlog/db'
import { newId, type Visibility } from '@roomlog/protocol'
import { ApiError } from '@roomlog/service-kit'
import { type Kysely, sql, type Transaction } from 'kysely'
import { unauthenticated } from '../guards.ts'
import { roomNotFound } from './access.ts'

/** A new room with its first member, who owns it. Resolves with its id. */
export async function createRoom(
  db: Kysely<Tables>,
  userId: string,
  room: { readonly name: string; readonly visibility: Visibility },
): Promise<string> {
  const id = newId()
  await db.transaction().execute(async (trx) => {
    await assertAccount(trx, userId)
    await trx
      .insertInto('chat.rooms')
      .values({ ...room, id, member_count: 1 })
      .execute()
    await trx
      .insertInto('chat.room_members')
      .values({ room_id: id, user_id: userId, role: 'owner' })
      .execute()
  })
  return id
}

/** Resolves whether the user became a member now; a member already stays what they are. */
export async function joinRoom(db: Kysely<Tables>, roomId: string, userId: string): Promise<boolean> {
  return db.transaction().execute(async (trx) => {
    await assertAccount(trx, userId)
    // The lock keeps `member_count` and the members one, and the head still while it becomes what has been read.
    const room = await trx
      .selectFrom('chat.rooms')
      .select(['visibility', 'last_seq', 'last_message_id'])
      .where('id', '=', roomId)
      .forNoKeyUpdate()
      .executeTakeFirst()
    if (room === undefined) throw roomNotFound()
    if (await isThere(trx, 'chat.room_members', roomId, userId)) return false
    if (room.visibility === 'private') throw roomNotFound()
    if (await isThere(trx, 'chat.room_bans', roomId, userId)) {
      throw new ApiError('forbidden', 'an owner removed you: only an owner can add you again')
    }
    await trx
      .insertInto('chat.room_members')
      .values({
        room_id: roomId,
        user_id: userId,
        role: 'member',
        last_read_seq: room.last_seq,
        last_read_message_id: room.last_message_id,
      })
      .execute()
    await trx
      .updateTable('chat.rooms')
      .set({ member_count: sql`member_count + 1` })
      .where('id', '=', roomId)
      .execute()
    return true
  })
}

/** A token can outlive its account, which is deleted or lost in a restore. Locked, so that it stays until the commit. */
async function assertAccount(trx: Transaction<Tables>, userId: string): Promise<void> {
  const user = await trx
    .selectFrom('chat.users')
    .select('id')
    .where('id', '=', userId)
    .where('deleted_at', 'is', null)
    .forShare()
    .executeTakeFirst()
  if (user === undefined) throw unauthenticated()
}

async function isThere(
  trx: Transaction<Tables>,
  table: 'chat.room_members' | 'chat.room_bans',
  roomId: string,
  userId: string,
): Promise<boolean> {
  const row = await trx
    .selectFrom(table)
    .select('user_id')
    .where('room_id', '=', roomId)
    .where('user_id', '=', userId)
    .executeTakeFirst()
  return row !== undefined
}
