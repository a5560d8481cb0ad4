import type { Tables } from '@roomlog/db'
import { ApiError } from '@roomlog/service-kit'
import type { Kysely } from 'kysely'

/** Throws unless the user is a member. To others a private room does not exist. */
export async function assertMember(db: Kysely<Tables>, roomId: string, userId: string): Promise<void> {
  const room = await db
    .selectFrom('chat.rooms as r')
    .leftJoin('chat.room_members as m', (join) =>
      join.onRef('m.room_id', '=', 'r.id').on('m.user_id', '=', userId),
    )
    .select(['r.visibility', 'm.user_id'])
    .where('r.id', '=', roomId)
    .executeTakeFirst()
  if (room === undefined || (room.user_id === null && room.visibility === 'private')) throw roomNotFound()
  if (room.user_id === null) throw notAMember()
}

export function roomNotFound(): ApiError {
  return new ApiError('room_not_found', 'no such room')
}

function notAMember(): ApiError {
  return new ApiError('not_a_member', 'only members of the room may')
}
