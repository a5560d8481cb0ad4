import { idArray, type Tables } from '@roomlog/db'
import { type Kysely, type RawBuilder, sql, type Transaction } from 'kysely'
import type { Breaker } from './breaker.ts'
import type { LiveSocket, Presence, RoomsOf, Signal } from './port.ts'
import { type PresenceTimes, slices } from './times.ts'

export const SIGNALS_CHANNEL = 'roomlog_live'
/** A payload has to stay below 8000 bytes; a room takes 29. */
const ROOMS_PER_SIGNAL = 200

type Online = ReadonlyMap<string, readonly string[]>

/**
 * A row per socket, and one per user who has any: it is locked through each transition, always in the order of the ids,
 * and the transition's NOTIFY is in the same transaction, so signals are in the order of the transitions.
 */
export class PostgresPresence implements Presence {
  readonly #db: Kysely<Tables>
  readonly #breaker: Breaker
  readonly #times: PresenceTimes

  constructor(db: Kysely<Tables>, breaker: Breaker, times: PresenceTimes) {
    this.#db = db
    this.#breaker = breaker
    this.#times = times
  }

  async connected(sockets: readonly LiveSocket[], roomsOf: RoomsOf): Promise<void> {
    for (const part of slices(sockets)) {
      const rooms = await roomsOf(part.map(({ userId }) => userId))
      await this.#transaction(async (trx) => {
        await this.#keep(trx, part, false)
        const { rows } = await sql<{ userId: string }>`
          UPDATE engine.presence_users SET announced = true
          WHERE user_id = ANY (${usersOf(part)}) AND NOT announced
          RETURNING user_id AS "userId"`.execute(trx)
        await tell(trx, rows, true, rooms)
      })
    }
  }

  async renewed(sockets: readonly LiveSocket[]): Promise<void> {
    for (const part of slices(sockets)) await this.#breaker.call(() => this.#keep(this.#db, part, true))
  }

  async disconnected(sockets: readonly LiveSocket[]): Promise<void> {
    for (const part of slices(sockets)) {
      await this.#transaction(async (trx) => {
        await lockUsers(part).execute(trx)
        await sql`
          DELETE FROM engine.presence_sockets s
          USING unnest(${userIdsOf(part)}, ${socketIdsOf(part)})
            AS gone (user_id, socket_id)
          WHERE s.user_id = gone.user_id AND s.socket_id = gone.socket_id`.execute(trx)
        await sql`
          UPDATE engine.presence_users SET due_at = ${inMs(this.#times.graceMs)}
          WHERE user_id = ANY (${usersOf(part)})`.execute(trx)
      })
    }
  }

  async announceDue(roomsOf: RoomsOf): Promise<void> {
    const due = await this.#breaker.call(() =>
      sql<{ userId: string }>`
        SELECT user_id AS "userId" FROM engine.presence_users
        WHERE due_at <= clock_timestamp() ORDER BY due_at`.execute(this.#db),
    )
    for (const users of slices(due.rows.map(({ userId }) => userId))) {
      const rooms = await roomsOf(users)
      await this.#transaction((trx) => look(trx, users, rooms))
    }
  }

  async online(userIds: readonly string[]): Promise<ReadonlyMap<string, boolean>> {
    const { rows } = await this.#breaker.call(() =>
      sql<{ userId: string }>`
        SELECT DISTINCT user_id AS "userId" FROM engine.presence_sockets
        WHERE user_id = ANY (${userIds}::text[]) AND until > clock_timestamp()`.execute(this.#db),
    )
    const online = new Set(rows.map(({ userId }) => userId))
    return new Map(userIds.map((userId) => [userId, online.has(userId)]))
  }

  /** Users first: their rows are the locks, and no socket is written before there is the count of them. */
  async #keep(db: Kysely<Tables>, sockets: readonly LiveSocket[], announced: boolean): Promise<void> {
    const until = inMs(this.#times.socketTtlMs)
    await sql`
      WITH users AS (
        INSERT INTO engine.presence_users AS u (user_id, due_at, announced)
        SELECT id, ${until}, ${announced}::boolean FROM unnest(${usersOf(sockets)}) AS id ORDER BY id COLLATE "C"
        ON CONFLICT (user_id) DO UPDATE SET due_at = excluded.due_at, announced = u.announced OR excluded.announced
        RETURNING 1)
      INSERT INTO engine.presence_sockets (user_id, socket_id, until)
      SELECT DISTINCT user_id, socket_id, ${until}
      FROM (SELECT count(*) FROM users) AS locked, unnest(${userIdsOf(sockets)}, ${socketIdsOf(sockets)})
        AS s (user_id, socket_id)
      ON CONFLICT (user_id, socket_id) DO UPDATE SET until = excluded.until`.execute(db)
  }

  #transaction(work: (trx: Transaction<Tables>) => Promise<void>): Promise<void> {
    return this.#breaker.call(() => this.#db.transaction().execute(work))
  }
}

/** Who has no live socket left goes; who was announced is told of. Others may look at the same time: one gets the row. */
async function look(trx: Transaction<Tables>, users: readonly string[], rooms: Online): Promise<void> {
  const { rows: locked } = await sql<{ userId: string }>`
    SELECT user_id AS "userId" FROM engine.presence_users
    WHERE user_id = ANY (${users}::text[]) AND due_at <= clock_timestamp()
    ORDER BY user_id FOR UPDATE SKIP LOCKED`.execute(trx)
  const mine = locked.map(({ userId }) => userId)
  await sql`
    DELETE FROM engine.presence_sockets
    WHERE user_id = ANY (${mine}::text[]) AND until <= clock_timestamp()`.execute(trx)
  await sql`
    UPDATE engine.presence_users u SET due_at = s.until
    FROM (SELECT user_id, max(until) AS until FROM engine.presence_sockets
          WHERE user_id = ANY (${mine}::text[]) GROUP BY user_id) s
    WHERE u.user_id = s.user_id`.execute(trx)
  const { rows: gone } = await sql<{ userId: string; announced: boolean }>`
    DELETE FROM engine.presence_users u
    WHERE user_id = ANY (${mine}::text[])
      AND NOT EXISTS (SELECT 1 FROM engine.presence_sockets s WHERE s.user_id = u.user_id)
    RETURNING user_id AS "userId", announced`.execute(trx)
  await tell(
    trx,
    gone.filter(({ announced }) => announced),
    false,
    rooms,
  )
}

/** Two statements, however many there are to tell of. */
async function tell(
  trx: Transaction<Tables>,
  users: readonly { readonly userId: string }[],
  online: boolean,
  rooms: Online,
): Promise<void> {
  if (users.length === 0) return
  const { rows: transitions } = await sql<{ n: number }>`
    SELECT nextval('engine.presence_transitions') AS n FROM generate_series(1, ${users.length}::int)`.execute(
    trx,
  )
  const payloads = users.flatMap(({ userId }, index) => {
    const signal = { type: 'presence', userId, online, transition: transitions[index]?.n ?? 0 } as const
    const parts = slices(rooms.get(userId) ?? [], ROOMS_PER_SIGNAL)
    return (parts.length === 0 ? [[]] : parts).map((part): Signal => ({ ...signal, rooms: part }))
  })
  await sql`
    SELECT pg_notify(${SIGNALS_CHANNEL}, payload)
    FROM unnest(${payloads.map((signal) => JSON.stringify(signal))}::text[]) AS payload`.execute(trx)
}

function lockUsers(sockets: readonly LiveSocket[]): RawBuilder<unknown> {
  return sql`SELECT 1 FROM engine.presence_users WHERE user_id = ANY (${usersOf(sockets)}) ORDER BY user_id FOR UPDATE`
}

/** Each once. */
function usersOf(sockets: readonly LiveSocket[]): RawBuilder<readonly string[]> {
  return idArray([...new Set(sockets.map(({ userId }) => userId))])
}

function userIdsOf(sockets: readonly LiveSocket[]): RawBuilder<readonly string[]> {
  return idArray(sockets.map(({ userId }) => userId))
}

function socketIdsOf(sockets: readonly LiveSocket[]): RawBuilder<readonly string[]> {
  return idArray(sockets.map(({ socketId }) => socketId))
}

function inMs(ms: number): RawBuilder<unknown> {
  return sql`clock_timestamp() + ${ms} * interval '1 millisecond'`
}
