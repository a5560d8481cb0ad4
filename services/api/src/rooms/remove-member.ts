import type { Tables } from '@roomlog/db'
import { type Kysely, sql } from 'kysely'
import { assertInside, assertOwner, roleIn, roomNotFound, userNotFound } from './access.ts'
import { assertOtherOwner, hasOtherMembers } from './owners.ts'

/**
 * Ends a membership: one's own, or as an owner another's, who then cannot come again by themselves. Resolves with the
 * room's version, which has risen above all that were let in before.
 */
export async function removeMember(
  db: Kysely<Tables>,
  roomId: string,
  askerId: string,
  userId: string,
): Promise<number> {
  return db.transaction().execute(async (trx) => {
    // First of all: the lock gives the removal its place among what is stored and who comes and goes.
    const room = await trx
      .updateTable('chat.rooms')
      .set({ member_version: sql`member_version + 1`, member_count: sql`member_count - 1` })
      .where('id', '=', roomId)
      .returning(['visibility', 'member_version'])
      .executeTakeFirst()
    if (room === undefined) throw roomNotFound()
    const askerRole = assertInside(room.visibility, await roleIn(trx, roomId, askerId))
    const isLeaving = userId === askerId
    if (!isLeaving) assertOwner(askerRole)
    const role = isLeaving ? askerRole : await roleIn(trx, roomId, userId)
    if (role === undefined) throw userNotFound()
    // Whoever removes another stays as an owner; and alone, an owner leaves nobody behind.
    if (isLeaving && role === 'owner' && (await hasOtherMembers(trx, roomId, userId))) {
      await assertOtherOwner(trx, roomId, userId)
    }
    await trx
      .deleteFrom('chat.room_members')
      .where('room_id', '=', roomId)
      .where('user_id', '=', userId)
      .execute()
    if (!isLeaving) {
      await trx
        .insertInto('chat.room_bans')
        .values({ room_id: roomId, user_id: userId })
        .onConflict((conflict) => conflict.doNothing())
        .execute()
    }
    return room.member_version
  })
}
