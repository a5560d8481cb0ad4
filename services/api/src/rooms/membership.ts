import type { Tables } from '@roomlog/db'
import { newId, type Role, type Visibility } from '@roomlog/protocol'
import { ApiError } from '@roomlog/service-kit'
import { type Kysely, sql, type Transaction } from 'kysely'
import { unauthenticated } from '../guards.ts'
import { type LockedRoom, lockAsOwner, lockRoom, roleIn, roomNotFound, userNotFound } from './access.ts'

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
    const room = await lockRoom(trx, roomId)
    if (room === undefined) throw roomNotFound()
    if ((await roleIn(trx, roomId, userId)) !== undefined) return false
    if (room.visibility === 'private') throw roomNotFound()
    if (await isBanned(trx, roomId, userId)) {
      throw new ApiError('forbidden', 'an owner removed you: only an owner can add you again')
    }
    // A room that all have left begins anew: with members and no owner nobody could ever look after it.
    await insertMember(trx, roomId, room, userId, room.member_count === 0 ? 'owner' : 'member')
    return true
  })
}

export interface Added {
  readonly userId: string
  /** Became a member now. */
  readonly isNew: boolean
}

/** In the name of an owner; whoever was removed may come again. Throws for others than owners, and for unknown users. */
export async function addMember(
  db: Kysely<Tables>,
  roomId: string,
  ownerId: string,
  username: string,
): Promise<Added> {
  return db.transaction().execute(async (trx) => {
    // Accounts before rooms, in every transaction. Who may not add is told nothing of accounts.
    const account = await lockAccount(trx, 'username', username)
    const room = await lockAsOwner(trx, roomId, ownerId)
    if (account === undefined) throw userNotFound()
    const userId = account.id
    if ((await roleIn(trx, roomId, userId)) !== undefined) return { userId, isNew: false }
    await trx
      .deleteFrom('chat.room_bans')
      .where('room_id', '=', roomId)
      .where('user_id', '=', userId)
      .execute()
    await insertMember(trx, roomId, room, userId, 'member')
    return { userId, isNew: true }
  })
}

/** The room is locked: `member_count` and the members stay one, and what has been read is the head. */
async function insertMember(
  trx: Transaction<Tables>,
  roomId: string,
  room: LockedRoom,
  userId: string,
  role: Role,
): Promise<void> {
  await trx
    .insertInto('chat.room_members')
    .values({
      room_id: roomId,
      user_id: userId,
      role,
      last_read_seq: room.last_seq,
      last_read_message_id: room.last_message_id,
    })
    .execute()
  await trx
    .updateTable('chat.rooms')
    .set({ member_count: sql`member_count + 1` })
    .where('id', '=', roomId)
    .execute()
}

/** A token can outlive its account, which is deleted or lost in a restore. */
async function assertAccount(trx: Transaction<Tables>, userId: string): Promise<void> {
  if ((await lockAccount(trx, 'id', userId)) === undefined) throw unauthenticated()
}

/** Locked, so that it stays until the commit; undefined: unknown, or deleted. */
async function lockAccount(
  trx: Transaction<Tables>,
  column: 'id' | 'username',
  value: string,
): Promise<{ readonly id: string } | undefined> {
  return trx
    .selectFrom('chat.users')
    .select('id')
    .where(column, '=', value)
    .where('deleted_at', 'is', null)
    .forShare()
    .executeTakeFirst()
}

async function isBanned(trx: Transaction<Tables>, roomId: string, userId: string): Promise<boolean> {
  const ban = await trx
    .selectFrom('chat.room_bans')
    .select('user_id')
    .where('room_id', '=', roomId)
    .where('user_id', '=', userId)
    .executeTakeFirst()
  return ban !== undefined
}
