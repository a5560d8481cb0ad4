import { z } from 'zod'
import { ID_LENGTH, idSchema } from '../ids.ts'
import { storableText } from '../text.ts'
import { pageLimitSchema } from './pages.ts'
import { roomSchema } from './rooms.ts'

export const publicRoomSchema = roomSchema.pick({ id: true, name: true, memberCount: true })
export type PublicRoom = z.infer<typeof publicRoomSchema>

/** Where a page of the public list ended. It carries the name too: a room may be renamed, or hidden, before the next page. */
export type PublicRoomsPosition = Pick<PublicRoom, 'id' | 'name'>
const POSITION_MAX_CHARACTERS = 500
const positionSchema = z.strictObject({ id: idSchema, name: storableText(0, 100) })

export function publicRoomsCursor({ id, name }: PublicRoomsPosition): string {
  return Buffer.from(id + name).toString('base64url')
}

export const publicRoomsCursorSchema = z
  .string()
  .max(POSITION_MAX_CHARACTERS)
  .transform((cursor, context): PublicRoomsPosition => {
    const text = Buffer.from(cursor, 'base64url').toString()
    const position = positionSchema.safeParse({ id: text.slice(0, ID_LENGTH), name: text.slice(ID_LENGTH) })
    if (position.success) return position.data
    context.addIssue('must be a nextCursor of this list')
    return z.NEVER
  })
/** `search` is the beginning of a name. */
export const publicRoomsQuerySchema = z.strictObject({
  search: storableText(0, 100).default(''),
  cursor: publicRoomsCursorSchema.optional(),
  limit: pageLimitSchema,
})
export const publicRoomsAnswerSchema = z.object({
  rooms: z.array(publicRoomSchema),
  nextCursor: z.string().nullable(),
})
