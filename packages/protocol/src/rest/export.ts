import { z } from 'zod'
import { idSchema } from '../ids.ts'
import { seqSchema, toldMessageSchema } from '../message.ts'
import { userSchema } from './accounts.ts'
import { roleSchema } from './rooms.ts'

/** One line of an account's export. Messages stand by room, in no order of their own: `seq` is theirs. */
export const exportLineSchema = z.discriminatedUnion('type', [
  userSchema.extend({ type: z.literal('account') }),
  z.object({
    type: z.literal('membership'),
    roomId: idSchema,
    roomName: z.string(),
    role: roleSchema,
    joinedAt: z.string(),
    lastReadSeq: seqSchema,
  }),
  z
    .object({ type: z.literal('removal'), roomId: idSchema })
    .describe('An owner has removed the account from this room: only an owner can add it again'),
  z.object({
    type: z.literal('session'),
    id: idSchema,
    createdAt: z.string(),
    lastRefreshedAt: z.string(),
    expiresAt: z.string(),
    /** Null: not ended by a logout or the like. */
    endedAt: z.string().nullable(),
  }),
  toldMessageSchema.extend({ type: z.literal('message') }),
])
export type ExportLine = z.infer<typeof exportLineSchema>
