import { z } from 'zod'
import { ERROR_STATUS, type ErrorCode } from './codes.ts'
import { ID_LENGTH, idSchema, toldIdSchema } from './ids.ts'
import { DEFAULT_LIMITS, type Limits } from './limits.ts'
import { seqSchema, toldMessageSchema } from './message.ts'
import { isStorable, storableName, storableText, textUpTo } from './text.ts'

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

/** What a deleted account shows in place of its name. */
export const DELETED_DISPLAY_NAME = 'Deleted user'
export const userSchema = z.object({
  id: toldIdSchema,
  username: z.string().describe('Empty for a deleted account'),
  displayName: z.string().describe(`"${DELETED_DISPLAY_NAME}" for a deleted account`),
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
  lastMessage: toldMessageSchema.nullable(),
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
  username: textUpTo(64).refine(isStorable),
  password: textUpTo(PASSWORD_MAX_BYTES).refine(isStorable),
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

const REFRESH_TOKEN_MAX_CHARACTERS = 256
/** Any text, like a login's: what was never issued answers `unauthenticated`. */
export const refreshTokenBodySchema = z.strictObject({
  refreshToken: textUpTo(REFRESH_TOKEN_MAX_CHARACTERS),
})

export const userAnswerSchema = z.object({ user: userSchema })
export const updateMeBodySchema = z.strictObject({ displayName: displayNameSchema })
export const deleteMeBodySchema = loginBodySchema.pick({ password: true })
export const changePasswordBodySchema = z.strictObject({
  currentPassword: loginBodySchema.shape.password,
  newPassword: passwordSchema,
})

const USERS_MAX = 100
/** Ids, comma-separated. */
export const usersQuerySchema = z.strictObject({
  ids: z
    .string()
    .max(USERS_MAX * (ID_LENGTH + 1))
    .transform((ids) => ids.split(','))
    .pipe(z.array(idSchema).max(USERS_MAX)),
})
export const usersAnswerSchema = z.object({ users: z.array(userSchema) })

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

export const usersByIdSchema = z.record(z.string(), userSchema)
export const roomsAnswerSchema = z.object({
  rooms: z.array(roomSchema),
  nextCursor: idSchema.nullable(),
  users: usersByIdSchema,
})

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

export const readBodySchema = z.strictObject({ lastReadMessageId: idSchema })
export const readAnswerSchema = z.object({
  lastReadMessageId: idSchema.nullable(),
  lastReadSeq: seqSchema,
  unreadCount: z.int(),
})
export type ReadPosition = z.infer<typeof readAnswerSchema>

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
  messages: z.array(toldMessageSchema),
  head: seqSchema,
  hasMore: z.boolean(),
  epoch: z.string(),
  users: usersByIdSchema,
})
export type History = z.infer<typeof historyAnswerSchema>

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

const limitNames = Object.keys(DEFAULT_LIMITS) as (keyof Limits)[]
export const limitsSchema = z.object(
  Object.fromEntries(limitNames.map((name) => [name, z.int()])) as Record<keyof Limits, z.ZodInt>,
)
export const configAnswerSchema = z.object({ wsUrls: z.array(z.string()), limits: limitsSchema })

export const healthAnswerSchema = z.object({
  status: z.enum(['ok', 'failing']),
  checks: z.record(z.string(), z.string()),
})
