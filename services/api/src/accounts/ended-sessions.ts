import type { Tables } from '@roomlog/db'
import type { Live } from '@roomlog/live'
import type { FastifyBaseLogger } from 'fastify'
import { type Kysely, sql, type Transaction } from 'kysely'
import { hashOf } from './sessions.ts'

/** The session of a refresh token, old or new, ends if it had not; undefined for a token that was never issued. */
export async function endSessionOf(
  db: Kysely<Tables>,
  refreshToken: string,
): Promise<{ readonly sessionId: string; readonly userId: string } | undefined> {
  return db
    .updateTable('chat.refresh_families as f')
    .from('chat.refresh_tokens as t')
    .set({ revoked_at: sql`coalesce(f.revoked_at, now())` })
    .whereRef('f.id', '=', 't.family')
    .where('t.hash', '=', hashOf(refreshToken))
    .returning(['f.id as sessionId', 'f.user_id as userId'])
    .executeTakeFirst()
}

/** An access token's longest life and the grace in which a generation's last one is made, rounded up. */
const MAY_HAVE_SOCKETS_S = 1000

/** Ends a user's sessions, but for one. Resolves with those used so lately that sockets may be open on them. */
export async function endSessions(
  trx: Transaction<Tables>,
  userId: string,
  but?: string,
): Promise<readonly string[]> {
  const ended = await trx
    .updateTable('chat.refresh_families')
    .set({ revoked_at: sql`now()` })
    .where('user_id', '=', userId)
    .where('revoked_at', 'is', null)
    .where('id', '<>', but ?? '')
    .returning([
      'id',
      sql<boolean>`generation_at + make_interval(secs => ${MAY_HAVE_SOCKETS_S}) > now()`.as('mayHaveSockets'),
    ])
    .execute()
  return ended.flatMap(({ id, mayHaveSockets }) => (mayHaveSockets ? [id] : []))
}

export interface Teller {
  readonly signals: Live['signals']
  readonly log: FastifyBaseLogger
}

/** Has the sockets of ended sessions closed. A signal that is lost is bounded by the end of their access tokens. */
export async function tellEnded(
  { signals, log }: Teller,
  userId: string,
  sessionIds: readonly string[],
): Promise<void> {
  const told = sessionIds.map((sessionId) =>
    signals.publish({ type: 'sessionEnded', userId, sessionId, deleted: false }),
  )
  await reported(told, log)
}

/** Has all sockets of a deleted account closed. */
export async function tellDeleted({ signals, log }: Teller, userId: string): Promise<void> {
  const told = signals.publish({ type: 'sessionEnded', userId, sessionId: null, deleted: true })
  await reported([told], log)
}

async function reported(told: readonly Promise<void>[], log: FastifyBaseLogger): Promise<void> {
  const lost = (await Promise.allSettled(told)).find(({ status }) => status === 'rejected')
  if (lost?.status === 'rejected') log.warn({ err: lost.reason }, 'ended sessions: edges were not told')
}
