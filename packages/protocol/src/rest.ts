import { z } from 'zod'
import { ERROR_STATUS, type ErrorCode } from './codes.ts'
import { idSchema } from './ids.ts'
import { DEFAULT_LIMITS, type Limits } from './limits.ts'
import { messageSchema, seqSchema } from './message.ts'
import { isStorable, storableName } from './text.ts'

const PASSWORD_MIN_BYTES = 8
const PASSWORD_MAX_BYTES = 1024
const passwordBytes = (password: string) => Buffer.byteLength(password)

/** Checked before its case is folded: there are letters beyond ASCII whose lower case is an ASCII one. */
export const usernameSchema = z
  .string()
  .regex(/^[A-Za-z0-9_]{3,32}$/, 'must be 3 to 32 of a-z 0-9 _')
  .transform((name) => name.toLowerCase())
export const displayNameSchema = storableName(1, 64)
export const roomNameSchema = storableName(1, 100)
/** Counted in bytes of UTF-8, never trimmed. */
export const passwordSchema = z
  .string()
  .max(PASSWORD_MAX_BYTES)
  .refine(isStorable, 'must not contain NUL or lone surrogates')
  .refine(
    (p) => passwordBytes(p) >= PASSWORD_MIN_BYTES && passwordBytes(p) <= PASSWORD_MAX_BYTES,
    `must be ${PASSWORD_MIN_BYTES} to ${PASSWORD_MAX_BYTES} bytes`,
  )

export const visibilitySchema = z.enum(['public', 'private'])
export const roleSchema = z.enum(['owner', 'member'])
export type Visibility = z.infer<typeof visibilitySchema>
export type Role = z.infer<typeof roleSchema>

export const userSchema = z.object({
  id: idSchema,
  username: z.string(),
  displayName: z.string(),
  createdAt: z.string(),
})
export type User = z.infer<typeof userSchema>

export const roomSchema = z.object({
  id: idSchema,
  name: z.string(),
  visibility: visibilitySchema,
  role: roleSchema,
  memberCount: z.int(),
  lastSeq: seqSchema,
  lastMessage: messageSchema.nullable(),
  lastReadSeq: seqSchema,
  unreadCount: z.int(),
})
export type Room = z.infer<typeof roomSchema>

export const errorSchema = z.object({
  error: z.object({
    code: z.enum(Object.keys(ERROR_STATUS) as [ErrorCode, ...ErrorCode[]]),
    message: z.string(),
    requestId: z.string(),
    details: z.unknown().optional(),
  }),
})

/** Text, as all of a query: the documents show it so. */
const LIMIT_DEFAULT = '50'
const LIMIT_MAX = 100
export const pageLimitSchema = z
  .string()
  .regex(/^[0-9]{1,3}$/, `must be 1 to ${LIMIT_MAX}`)
  .default(LIMIT_DEFAULT)
  .transform(Number)
  .pipe(z.int().min(1).max(LIMIT_MAX))

/** A list's page: `cursor` is what the page before gave as `nextCursor`. */
export const pageQuerySchema = z.strictObject({ cursor: idSchema.optional(), limit: pageLimitSchema })

export const registerBodySchema = z.strictObject({
  username: usernameSchema,
  password: passwordSchema,
  displayName: displayNameSchema.optional(),
})
/** A login takes any text: what registration would refuse is simply no account. */
export const loginBodySchema = z.strictObject({
  username: z.string().max(64).refine(isStorable),
  password: z.string().max(PASSWORD_MAX_BYTES).refine(isStorable),
})
export const sessionSchema = z.object({
  accessToken: z.string(),
  tokenType: z.literal('Bearer'),
  /** Seconds. */
  expiresIn: z.int(),
  refreshToken: z.string(),
  user: userSchema,
})
export type Session = z.infer<typeof sessionSchema>

export const createRoomBodySchema = z.strictObject({
  name: roomNameSchema,
  visibility: visibilitySchema.default('public'),
})
export const roomParamsSchema = z.strictObject({ roomId: idSchema })
export const roomAnswerSchema = z.object({ room: roomSchema })
export const joinAnswerSchema = z.object({ room: roomSchema, role: roleSchema })

export const usersByIdSchema = z.record(z.string(), userSchema)
export const roomsAnswerSchema = z.object({
  rooms: z.array(roomSchema),
  nextCursor: idSchema.nullable(),
  users: usersByIdSchema,
})

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
export const SEQ_CURSOR = /^[0-9]{1,15}$/
export const historyAnswerSchema = z.object({
  messages: z.array(messageSchema),
  head: seqSchema,
  hasMore: z.boolean(),
  epoch: z.string(),
  users: usersByIdSchema,
})
export type History = z.infer<typeof historyAnswerSchema>

const limitNames = Object.keys(DEFAULT_LIMITS) as (keyof Limits)[]
export const limitsSchema = z.object(
  Object.fromEntries(limitNames.map((name) => [name, z.int()])) as Record<keyof Limits, z.ZodInt>,
)
export const configAnswerSchema = z.object({ wsUrls: z.array(z.string()), limits: limitsSchema })

export const healthAnswerSchema = z.object({
  status: z.enum(['ok', 'failing']),
  checks: z.record(z.string(), z.string()),
})
