import type { Tables } from '@roomlog/db'
import type { Role } from '@roomlog/protocol'
import { ApiError } from '@roomlog/service-kit'
import type { Kysely, Transaction } from 'kysely'
import { lockAsOwner, roleIn, userNotFound } from './access.ts'

/** In the name of an owner. Resolves whether the role was another before. */
export async function changeRole(
  db: Kysely<Tables>,
  roomId: string,
  ownerId: string,
  userId: string,
  role: Role,
): Promise<boolean> {
  return db.transaction().execute(async (trx) => {
    await lockAsOwner(trx, roomId, ownerId)
    const before = await roleIn(trx, roomId, userId)
    if (before === undefined) throw userNotFound()
    if (before === role) return false
    if (before === 'owner') await assertOtherOwner(trx, roomId, userId)
    await trx
      .updateTable('chat.room_members')
      .set({ role })
      .where('room_id', '=', roomId)
      .where('user_id', '=', userId)
      .execute()
    return true
  })
}

/** Under the room's lock. Throws where nobody but the user owns the room. */
export async function assertOtherOwner(
  trx: Transaction<Tables>,
  roomId: string,
  userId: string,
): Promise<void> {
  const other = await others(trx, roomId, userId).where('role', '=', 'owner').executeTakeFirst()
  if (other === undefined) throw new ApiError('last_owner', 'the room needs an owner: make another one first')
}

/** Under the room's lock. */
export async function hasOtherMembers(
  trx: Transaction<Tables>,
  roomId: string,
  userId: string,
): Promise<boolean> {
  return (await others(trx, roomId, userId).executeTakeFirst()) !== undefined
}

function others(trx: Transaction<Tables>, roomId: string, userId: string) {
  return trx
    .selectFrom('chat.room_members')
    .select('user_id')
    .where('room_id', '=', roomId)
    .where('user_id', '!=', userId)
    .limit(1)
}
