import { z } from 'zod'
import { seqSchema, toldMessageSchema } from '../message.ts'
import { usersByIdSchema } from './accounts.ts'
import { pageLimitSchema } from './pages.ts'

/**
 * `before` and `after` are a seq or a message id. They stay text here: what is malformed answers `bad_cursor`,
 * not `validation_failed`, and an id is resolved in its room.
 */
export const historyQuerySchema = z
  .strictObject({
    before: z.string().optional(),
    after: z.string().optional(),
    limit: pageLimitSchema,
  })
  .refine((q) => q.before === undefined || q.after === undefined, 'before and after exclude each other')
/** A cursor that is a seq; any other is a message id, or none. */
export const SEQ_CURSOR = /^[0-9]{1,15}$/

/** Messages ascend by seq; `head` is the room's last one, `hasMore` speaks of the direction asked, `users` are the senders. */
export const historyAnswerSchema = z.object({
  messages: z.array(toldMessageSchema),
  head: seqSchema,
  hasMore: z.boolean(),
  epoch: z.string(),
  users: usersByIdSchema,
})
export type History = z.infer<typeof historyAnswerSchema>
