import type { Tables } from '@roomlog/db'
import type { Visibility } from '@roomlog/protocol'
import type { Kysely } from 'kysely'
import { lockAsOwner } from './access.ts'

export interface RoomChange {
  readonly name?: string | undefined
  readonly visibility?: Visibility | undefined
}

/** In the name of an owner. Throws for others. */
export async function updateRoom(
  db: Kysely<Tables>,
  roomId: string,
  ownerId: string,
  { name, visibility }: RoomChange,
): Promise<void> {
  await db.transaction().execute(async (trx) => {
    await lockAsOwner(trx, roomId, ownerId)
    await trx
      .updateTable('chat.rooms')
      .set({
        ...(name === undefined ? {} : { name }),
        ...(visibility === undefined ? {} : { visibility }),
      })
      .where('id', '=', roomId)
      .execute()
  })
}
