import { z } from 'zod'
import { idSchema } from '../ids.ts'
import { seqSchema } from '../message.ts'
import { usernameSchema, userSchema } from './accounts.ts'
import { roleSchema } from './rooms.ts'

export const memberSchema = z.object({
  user: userSchema,
  role: roleSchema,
  /** Null: not known at the moment. */
  online: z.boolean().nullable(),
  joinedAt: z.string(),
  lastReadSeq: seqSchema,
})
export type Member = z.infer<typeof memberSchema>
export const membersAnswerSchema = z.object({
  members: z.array(memberSchema),
  nextCursor: idSchema.nullable(),
})
export const memberAnswerSchema = z.object({ member: memberSchema })
export const addMemberBodySchema = z.strictObject({ username: usernameSchema })
export const memberParamsSchema = z.strictObject({ roomId: idSchema, userId: idSchema })
export const memberOrMeParamsSchema = z.strictObject({
  roomId: idSchema,
  userId: z.union([idSchema, z.literal('me')]),
})
export const changeRoleBodySchema = z.strictObject({ role: roleSchema })
