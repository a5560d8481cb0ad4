import { z } from 'zod'
import { idSchema } from '../ids.ts'
import { seqSchema } from '../message.ts'

export const readBodySchema = z.strictObject({ lastReadMessageId: idSchema })
export const readAnswerSchema = z.object({
  lastReadMessageId: idSchema.nullable(),
  lastReadSeq: seqSchema,
  unreadCount: z.int(),
})
export type ReadPosition = z.infer<typeof readAnswerSchema>
