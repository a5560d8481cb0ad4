import { z } from 'zod'
import { clientMsgIdSchema, idSchema, toldClientMsgIdSchema, toldIdSchema } from './ids.ts'

/** A room's position: 1 for its first message, rising by exactly 1 in commit order. */
export const seqSchema = z.int().min(0)

/** A stored message. `createdAt` is the time at the edge that took it, for display; the order is `seq`. */
export const messageSchema = z.object({
  id: idSchema,
  roomId: idSchema,
  seq: seqSchema,
  kind: z.literal('message'),
  senderId: idSchema,
  clientMsgId: clientMsgIdSchema,
  body: z.string(),
  createdAt: z.string(),
})

/** As an answer has it. */
export const toldMessageSchema = messageSchema.extend({
  id: toldIdSchema,
  roomId: toldIdSchema,
  senderId: toldIdSchema,
  clientMsgId: toldClientMsgIdSchema,
})

export type Message = z.infer<typeof messageSchema>
