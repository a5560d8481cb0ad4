import type { RoomRow, Tables } from '@roomlog/db'
import type { Role, Visibility } from '@roomlog/protocol'
import { ApiError } from '@roomlog/service-kit'
import type { Kysely, Transaction } from 'kysely'

/** Throws unless the user is a member. To others a private room does not exist. */
export async function assertMember(db: Kysely<Tables>, roomId: string, userId: string): Promise<void> {
  const room = await db
    .selectFrom('chat.rooms as r')
    .leftJoin('chat.room_members as m', (join) =>
      join.onRef('m.room_id', '=', 'r.id').on('m.user_id', '=', userId),
    )
    .select(['r.visibility', 'm.role'])
    .where('r.id', '=', roomId)
    .executeTakeFirst()
  if (room === undefined) throw roomNotFound()
  assertInside(room.visibility, room.role)
}

/** Resolves with the role of a member, as of now. */
export async function roleIn(
  trx: Transaction<Tables>,
  roomId: string,
  userId: string,
): Promise<Role | undefined> {
  const member = await trx
    .selectFrom('chat.room_members')
    .select('role')
    .where('room_id', '=', roomId)
    .where('user_id', '=', userId)
    .executeTakeFirst()
  return member?.role
}

export type LockedRoom = Pick<RoomRow, 'visibility' | 'last_seq' | 'last_message_id' | 'member_count'>

/** Until the commit the room's members, their roles and its head stay as they are; undefined: no such room. */
export async function lockRoom(trx: Transaction<Tables>, roomId: string): Promise<LockedRoom | undefined> {
  return trx
    .selectFrom('chat.rooms')
    .select(['visibility', 'last_seq', 'last_message_id', 'member_count'])
    .where('id', '=', roomId)
    .forNoKeyUpdate()
    .executeTakeFirst()
}

/** Locks the room. Throws unless the user owns it. */
export async function lockAsOwner(
  trx: Transaction<Tables>,
  roomId: string,
  userId: string,
): Promise<LockedRoom> {
  const room = await lockRoom(trx, roomId)
  if (room === undefined) throw roomNotFound()
  assertOwner(assertInside(room.visibility, await roleIn(trx, roomId, userId)))
  return room
}

/** The role of who has one. Throws for outsiders, to whom only public rooms exist. */
export function assertInside(visibility: Visibility, role: Role | null | undefined): Role {
  if (role) return role
  throw visibility === 'private' ? roomNotFound() : notAMember()
}

export function assertOwner(role: Role): void {
  if (role !== 'owner') throw new ApiError('forbidden', 'only owners of the room may')
}

export function roomNotFound(): ApiError {
  return new ApiError('room_not_found', 'no such room')
}

export function userNotFound(): ApiError {
  return new ApiError('user_not_found', 'no such user')
}

function notAMember(): ApiError {
  return new ApiError('not_a_member', 'only members of the room may')
}
