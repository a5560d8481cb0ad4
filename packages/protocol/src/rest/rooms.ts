import { z } from 'zod'
import { idSchema } from '../ids.ts'
import { seqSchema, toldMessageSchema } from '../message.ts'
import { storableName } from '../text.ts'
import { usersByIdSchema } from './accounts.ts'

export const roomNameSchema = storableName(1, 100)
export const visibilitySchema = z.enum(['public', 'private'])
export const roleSchema = z.enum(['owner', 'member'])
export type Visibility = z.infer<typeof visibilitySchema>
export type Role = z.infer<typeof roleSchema>

/** As one of its members sees it: `role`, `lastReadSeq` and `unreadCount` are that member's. */
export const roomSchema = z.object({
  id: idSchema,
  name: z.string(),
  visibility: visibilitySchema,
  role: roleSchema,
  memberCount: z.int(),
  lastSeq: seqSchema,
  lastMessage: toldMessageSchema.nullable(),
  lastReadSeq: seqSchema,
  unreadCount: z.int(),
})
export type Room = z.infer<typeof roomSchema>

export const createRoomBodySchema = z.strictObject({
  name: roomNameSchema,
  visibility: visibilitySchema.default('public'),
})
export const updateRoomBodySchema = z
  .strictObject({ name: roomNameSchema.optional(), visibility: visibilitySchema.optional() })
  .refine((body) => body.name !== undefined || body.visibility !== undefined, 'must change something')
export const roomParamsSchema = z.strictObject({ roomId: idSchema })
export const roomAnswerSchema = z.object({ room: roomSchema })
export const joinAnswerSchema = z.object({ room: roomSchema, role: roleSchema })

export const roomsAnswerSchema = z.object({
  rooms: z.array(roomSchema),
  nextCursor: idSchema.nullable(),
  users: usersByIdSchema,
})
