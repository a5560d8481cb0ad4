import type { Tables } from '@roomlog/db'
import { type Kysely, sql, type Transaction } from 'kysely'
import { hashOf, type NewSession, newRefreshToken, secondsFromNow } from './sessions.ts'
import { SHOWN, type ShownUser } from './users.ts'

/** How long the generation before the newest still answers: tabs that share a token refresh it at once. */
const GRACE_S = 30

export type Refreshed =
  | { readonly outcome: 'refreshed'; readonly user: ShownUser; readonly session: NewSession }
  /** Somebody used a token that had been replaced, so one of two is a thief: the session has been ended. */
  | { readonly outcome: 'reused'; readonly userId: string; readonly sessionId: string }
  /** Never issued, or of a session that has ended. */
  | { readonly outcome: 'refused' }

/** What a refresh token gives, by its generation and the newest of its family. */
export function judge(
  used: number,
  newest: number,
  isInGrace: boolean,
): 'next generation' | 'newest again' | 'reused' {
  if (used === newest) return 'next generation'
  return used === newest - 1 && isInGrace ? 'newest again' : 'reused'
}

/** A new token in place of the one used. Requests with tokens of one session take turns. */
export async function refresh(db: Kysely<Tables>, refreshToken: string, ttlS: number): Promise<Refreshed> {
  return db.transaction().execute(async (trx): Promise<Refreshed> => {
    const found = await lockFamily(trx, hashOf(refreshToken))
    if (found === undefined || found.hasEnded) return { outcome: 'refused' }
    const { sessionId, newest, ...user } = found
    const verdict = judge(found.used, newest, found.isInGrace)
    const family = trx.updateTable('chat.refresh_families').where('id', '=', sessionId)
    if (verdict === 'reused') {
      await family.set({ revoked_at: sql`now()` }).execute()
      return { outcome: 'reused', userId: user.id, sessionId }
    }
    const isNext = verdict === 'next generation'
    const generation = isNext ? newest + 1 : newest
    // Not now(), when this request may have begun to wait for its turn.
    const made = isNext ? { generation, generation_at: sql<Date>`clock_timestamp()` } : {}
    await family.set({ ...made, expires_at: secondsFromNow(ttlS) }).execute()
    const token = newRefreshToken()
    await trx
      .insertInto('chat.refresh_tokens')
      .values({ hash: token.hash, family: sessionId, generation })
      .execute()
    return { outcome: 'refreshed', user, session: { sessionId, refreshToken: token.refreshToken } }
  })
}

async function lockFamily(trx: Transaction<Tables>, hash: Buffer) {
  return trx
    .selectFrom('chat.refresh_tokens as t')
    .innerJoin('chat.refresh_families as f', 'f.id', 't.family')
    .innerJoin('chat.users as u', 'u.id', 'f.user_id')
    .select(SHOWN)
    .select([
      'f.id as sessionId',
      't.generation as used',
      'f.generation as newest',
      sql<boolean>`f.revoked_at IS NOT NULL OR f.expires_at <= now() OR u.deleted_at IS NOT NULL`.as(
        'hasEnded',
      ),
      sql<boolean>`f.generation_at + make_interval(secs => ${GRACE_S}) > now()`.as('isInGrace'),
    ])
    .where('t.hash', '=', hash)
    .forNoKeyUpdate('f')
    .executeTakeFirst()
}
