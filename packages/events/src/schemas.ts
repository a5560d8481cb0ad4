import {
  BODY_MAX_UNITS,
  clientMsgIdSchema,
  idSchema,
  messageSchema,
  storableText,
  textUpTo,
} from '@roomlog/protocol'
import { z } from 'zod'

/** The version this build writes and reads. A record of a newer one pauses its partition and alarms. */
export const EVENT_VERSION = 1

// The schemas are loose on purpose: fields that a later build adds must pass through a present one.
const messageCreated = z.object({
  v: z.literal(EVENT_VERSION),
  eventId: idSchema,
  roomId: idSchema,
  senderId: idSchema,
  clientMsgId: clientMsgIdSchema,
  body: storableText(1, BODY_MAX_UNITS),
  /** ISO 8601 UTC with milliseconds: the time at the edge. */
  acceptedAt: z.iso.datetime({ precision: 3 }),
  edgeId: textUpTo(256),
})
export const messageCreatedSchema = messageCreated.loose()
export type MessageCreated = Readonly<z.infer<typeof messageCreated>>

export const messagePersistedSchema = z.looseObject({
  v: z.literal(EVENT_VERSION),
  message: messageSchema,
})

/** Why a message that was accepted will never be stored. */
export const REJECTION_CODES = ['client_msg_id_reused', 'room_not_found', 'validation_failed'] as const
export type RejectionCode = (typeof REJECTION_CODES)[number]

const messageRejected = z.object({
  v: z.literal(EVENT_VERSION),
  roomId: idSchema,
  senderId: idSchema,
  clientMsgId: clientMsgIdSchema,
  code: z.enum(REJECTION_CODES),
})
export const messageRejectedSchema = messageRejected.loose()
export type MessageRejected = Readonly<z.infer<typeof messageRejected>>
