import { z } from 'zod'
import { ID_LENGTH, idSchema, toldIdSchema } from '../ids.ts'
import { PASSWORD_MAX_BYTES, PASSWORD_MIN_BYTES, USERNAME } from '../limits.ts'
import { isStorable, storableName, textUpTo } from '../text.ts'

const passwordBytes = (password: string) => Buffer.byteLength(password)

/** Checked before its case is folded: there are letters beyond ASCII whose lower case is an ASCII one. */
export const usernameSchema = z
  .string()
  .regex(USERNAME, 'must be 3 to 32 of a-z 0-9 _')
  .transform((name) => name.toLowerCase())
export const displayNameSchema = storableName(1, 64)

/** Counted in bytes of UTF-8, never trimmed. */
export const passwordSchema = z
  .string()
  .max(PASSWORD_MAX_BYTES)
  .refine(isStorable, 'must not contain NUL or lone surrogates')
  .refine(
    (p) => passwordBytes(p) >= PASSWORD_MIN_BYTES && passwordBytes(p) <= PASSWORD_MAX_BYTES,
    `must be ${PASSWORD_MIN_BYTES} to ${PASSWORD_MAX_BYTES} bytes`,
  )

/** What a deleted account shows in place of its name. */
export const DELETED_DISPLAY_NAME = 'Deleted user'
export const userSchema = z.object({
  id: toldIdSchema,
  username: z.string().describe('Empty for a deleted account'),
  displayName: z.string().describe(`"${DELETED_DISPLAY_NAME}" for a deleted account`),
  createdAt: z.string(),
})
export type User = z.infer<typeof userSchema>
export const usersByIdSchema = z.record(z.string(), userSchema)

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
