import { createHash, randomBytes } from 'node:crypto'
import type { Tables } from '@roomlog/db'
import { newId } from '@roomlog/protocol'
import { type Kysely, type RawBuilder, sql, type Transaction } from 'kysely'

const TOKEN_BYTES = 32
/** By which one that has got where it should not be is found. */
const TOKEN_PREFIX = 'rlr_'

export interface NewSession {
  /** The family of its refresh tokens, and the `sid` of its access tokens. */
  readonly sessionId: string
  /** Told once; only its hash is kept. */
  readonly refreshToken: string
}

/** One login: a family of refresh tokens with its first token. */
export async function startSession(
  db: Kysely<Tables> | Transaction<Tables>,
  userId: string,
  ttlS: number,
): Promise<NewSession> {
  const sessionId = newId()
  const { refreshToken, hash } = newRefreshToken()
  await db
    .with('family', (qb) =>
      qb
        .insertInto('chat.refresh_families')
        .values({ id: sessionId, user_id: userId, expires_at: secondsFromNow(ttlS) }),
    )
    .insertInto('chat.refresh_tokens')
    .values({ hash, family: sessionId, generation: 1 })
    .execute()
  return { sessionId, refreshToken }
}

export function newRefreshToken(): { readonly refreshToken: string; readonly hash: Buffer } {
  const refreshToken = TOKEN_PREFIX + randomBytes(TOKEN_BYTES).toString('base64url')
  return { refreshToken, hash: hashOf(refreshToken) }
}

export function hashOf(refreshToken: string): Buffer {
  return createHash('sha256').update(refreshToken).digest()
}

/** On the database's clock, as all times of sessions: the processes of the api may disagree on theirs. */
export function secondsFromNow(seconds: number): RawBuilder<Date> {
  return sql<Date>`now() + make_interval(secs => ${seconds})`
}
