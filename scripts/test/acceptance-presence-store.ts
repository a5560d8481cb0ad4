import type { Database } from '@roomlog/db'
import type { Redis } from 'ioredis'
import { sql } from 'kysely'
import type { World } from './acceptance-world.ts'

export type Expiries = Readonly<Record<string, number>>

/** What the store holds of a user, read past the product. Times are on the store's clock, in ms. */
export interface PresenceStore {
  /** By socket. */
  expiries(userId: string): Promise<Expiries>
  /** Of the whole key; undefined when there is none. */
  keyExpiry(userId: string): Promise<number | undefined>
  nowMs(): Promise<number>
  /** As if so much time had passed for the user. */
  age(userId: string, ms: number): Promise<void>
}

/** A hash in Redis on the full engine, rows of schema `engine` on the embedded one. */
export function presenceStore({ redis, prefix, database }: World): PresenceStore {
  return redis === undefined ? rows(database) : hashes(redis, prefix)
}

function hashes(redis: Redis, prefix: string): PresenceStore {
  const keyOf = (userId: string) => `${prefix}presence:user:${userId}`
  const expiries = async (userId: string) =>
    Object.fromEntries(Object.entries(await redis.hgetall(keyOf(userId))).map(([id, at]) => [id, Number(at)]))
  return {
    expiries,
    keyExpiry: async (userId) => {
      const at = await redis.pexpiretime(keyOf(userId))
      return at < 0 ? undefined : at
    },
    nowMs: async () => {
      const [seconds, micros] = await redis.time()
      return Number(seconds) * 1000 + Math.floor(Number(micros) / 1000)
    },
    age: async (userId, ms) => {
      const changes = redis.multi()
      for (const [id, at] of Object.entries(await expiries(userId))) changes.hset(keyOf(userId), id, at - ms)
      changes.zincrby(`${prefix}presence:due`, -ms, userId)
      await changes.exec()
    },
  }
}

function rows({ db }: Database): PresenceStore {
  const expiries = async (userId: string) => {
    const sockets = await db
      .selectFrom('engine.presence_sockets')
      .select(['socket_id', 'until'])
      .where('user_id', '=', userId)
      .where('until', '>', sql<Date>`clock_timestamp()`)
      .execute()
    return Object.fromEntries(sockets.map(({ socket_id, until }) => [socket_id, until.getTime()]))
  }
  return {
    expiries,
    // No key holds the rows: the user is there as long as one of them.
    keyExpiry: async (userId) => {
      const all = Object.values(await expiries(userId))
      return all.length === 0 ? undefined : Math.max(...all)
    },
    nowMs: async () => {
      const { rows } = await sql<{ now: Date }>`SELECT clock_timestamp() AS now`.execute(db)
      return rows[0]?.now.getTime() ?? Number.NaN
    },
    age: async (userId, ms) => {
      const earlier = (column: 'until' | 'due_at') =>
        sql<Date>`${sql.ref(column)} - ${ms} * interval '1 millisecond'`
      await db.transaction().execute(async (trx) => {
        await trx
          .updateTable('engine.presence_sockets')
          .set({ until: earlier('until') })
          .where('user_id', '=', userId)
          .execute()
        await trx
          .updateTable('engine.presence_users')
          .set({ due_at: earlier('due_at') })
          .where('user_id', '=', userId)
          .execute()
      })
    },
  }
}
