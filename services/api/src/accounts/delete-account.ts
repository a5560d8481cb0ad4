import type { Tables } from '@roomlog/db'
import { DELETED_DISPLAY_NAME } from '@roomlog/protocol'
import { ApiError } from '@roomlog/service-kit'
import { sql, type Transaction } from 'kysely'
import { endSessions } from './ended-sessions.ts'

/**
 * Leaves every room and ends the account, all or nothing; throws `last_owner` where that would leave members without an
 * owner. The caller holds the user's row: joining waits for it and then finds no account, so there is no room besides
 * those left here. Messages stay, and so does the row, for the sake of its username.
 */
export async function deleteAccount(trx: Transaction<Tables>, userId: string): Promise<void> {
  await lockRooms(trx, userId)
  await assertNoRoomNeeds(trx, userId)
  await sql`
    WITH ended AS (DELETE FROM chat.room_members WHERE user_id = ${userId} RETURNING room_id)
    UPDATE chat.rooms SET member_version = member_version + 1, member_count = member_count - 1
    WHERE id IN (SELECT room_id FROM ended)`.execute(trx)
  // Who never comes again need not be kept out.
  await trx.deleteFrom('chat.room_bans').where('user_id', '=', userId).execute()
  await endSessions(trx, userId)
  await trx
    .updateTable('chat.users')
    .set({ display_name: DELETED_DISPLAY_NAME, password_hash: null, deleted_at: sql`now()` })
    .where('id', '=', userId)
    .execute()
}

/** A statement of its own, in the order in which the persister locks them; the next sees what the holders before committed. */
async function lockRooms(trx: Transaction<Tables>, userId: string): Promise<void> {
  await sql`
    SELECT 1 FROM chat.rooms r
    WHERE r.id IN (SELECT room_id FROM chat.room_members WHERE user_id = ${userId})
    ORDER BY r.id FOR NO KEY UPDATE OF r`.execute(trx)
}

async function assertNoRoomNeeds(trx: Transaction<Tables>, userId: string): Promise<void> {
  const { rows } = await sql`
    SELECT 1 FROM chat.room_members mine
    WHERE mine.user_id = ${userId} AND mine.role = 'owner'
      AND EXISTS (SELECT 1 FROM chat.room_members o WHERE o.room_id = mine.room_id AND o.user_id <> ${userId})
      AND NOT EXISTS (SELECT 1 FROM chat.room_members o
        WHERE o.room_id = mine.room_id AND o.user_id <> ${userId} AND o.role = 'owner')
    LIMIT 1`.execute(trx)
  if (rows.length > 0) {
    throw new ApiError(
      'last_owner',
      'members remain in a room whose only owner you are: make another one first',
    )
  }
}
