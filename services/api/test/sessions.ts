import type { Live } from '@roomlog/live'
import { newId } from '@roomlog/protocol'
import type { FastifyInstance } from 'fastify'
import { type RawBuilder, sql } from 'kysely'
import { expect } from 'vitest'
import { type Answer, ask, type TestDatabase } from './support.ts'

export interface Ended {
  readonly sessionId: string | null
  readonly deleted: boolean
}

/** The ends of a user's sessions, as edges hear of them; resolves when listening has begun. */
export async function hearEnds(live: Live, userId: string): Promise<() => readonly Ended[]> {
  const heard: Ended[] = []
  const probes = new Set<string | null>()
  live.signals.listen((signal) => {
    if (signal.type === 'sessionEnded' && signal.userId === userId) {
      heard.push({ sessionId: signal.sessionId, deleted: signal.deleted })
    }
  })
  await live.signals.watch({ kind: 'user', userId })
  await expect
    .poll(async () => {
      // Until listening has begun signals are lost.
      const sessionId = newId()
      probes.add(sessionId)
      await live.signals.publish({ type: 'sessionEnded', userId, sessionId, deleted: false })
      return heard.length
    })
    .toBeGreaterThan(0)
  return () => heard.filter(({ sessionId }) => !probes.has(sessionId))
}

export function refresh(app: FastifyInstance, refreshToken: string): Promise<Answer> {
  return ask(app, 'POST /auth/refresh', { body: { refreshToken } })
}

/** Time passes for a session: its newest generation was made so long ago. */
export async function age({ admin }: TestDatabase, sessionId: string, seconds: number): Promise<void> {
  await admin.db
    .updateTable('chat.refresh_families')
    .set({ generation_at: ago(seconds) })
    .where('id', '=', sessionId)
    .execute()
}

export function ago(seconds: number): RawBuilder<Date> {
  return sql<Date>`now() - make_interval(secs => ${seconds})`
}

export async function familyOf({ admin }: TestDatabase, sessionId: string) {
  return admin.db
    .selectFrom('chat.refresh_families')
    .selectAll()
    .where('id', '=', sessionId)
    .executeTakeFirstOrThrow()
}
