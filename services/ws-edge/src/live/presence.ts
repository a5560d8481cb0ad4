import type { Tables } from '@roomlog/db'
import type { Live, LiveSocket, RoomsOf } from '@roomlog/live'
import { HEARTBEAT_INTERVAL_MS, MAX_LIVELY_MEMBERS } from '@roomlog/protocol'
import { type Logger, type Repeating, repeatEvery } from '@roomlog/service-kit'
import { type Kysely, sql } from 'kysely'
import type { Connection } from '../sockets/connection.ts'
import type { Connections } from '../sockets/connections.ts'

export interface PresenceKeeperOptions {
  readonly presence: Live['presence']
  readonly connections: Connections
  readonly db: Kysely<Tables>
  readonly log: Logger
}

/** Sockets that come or go within this time are one call. */
const GATHER_MS = 50
const RENEW_TICK_MS = 1000
const LOOK_INTERVAL_MS = 5000

/** Keeps the live store told of the sockets here: at connect, while they show life, and at their end. */
export class PresenceKeeper {
  readonly #options: PresenceKeeperOptions
  readonly #roomsOf: RoomsOf
  readonly #come = new Set<Connection>()
  readonly #gone = new Set<Connection>()
  readonly #repeating: readonly Repeating[]
  #gathering: NodeJS.Timeout | undefined
  #telling: Promise<void> | undefined

  constructor(options: PresenceKeeperOptions) {
    this.#options = options
    this.#roomsOf = livelyRoomsOf(options.db)
    this.#repeating = [
      repeatEvery(RENEW_TICK_MS, () => this.#renew()),
      repeatEvery(LOOK_INTERVAL_MS, () => this.#try(() => options.presence.announceDue(this.#roomsOf))),
    ]
  }

  opened(connection: Connection): void {
    // As if renewed at some moment before, so that sockets which came at once are not renewed at once.
    connection.renewedAtMs = performance.now() - HEARTBEAT_INTERVAL_MS * Math.random()
    this.#come.add(connection)
    this.#tellSoon()
  }

  closed(connection: Connection): void {
    // Who comes and goes within one call was never there.
    if (!this.#come.delete(connection)) this.#gone.add(connection)
    this.#tellSoon()
  }

  /** Tells of the last sockets' end. */
  async stop(): Promise<void> {
    await Promise.all(this.#repeating.map((it) => it.stop()))
    while (this.#isUntold) await this.#tell()
  }

  get #isUntold(): boolean {
    return this.#telling !== undefined || this.#come.size + this.#gone.size > 0
  }

  #tellSoon(): void {
    this.#gathering ??= setTimeout(() => void this.#tell(), GATHER_MS)
  }

  /** One call after the other: a socket's end must not overtake its beginning. What comes meanwhile gathers for the next. */
  #tell(): Promise<void> {
    clearTimeout(this.#gathering)
    this.#gathering = undefined
    this.#telling ??= this.#tellOnce().finally(() => {
      this.#telling = undefined
      if (this.#isUntold) this.#tellSoon()
    })
    return this.#telling
  }

  async #tellOnce(): Promise<void> {
    const { presence } = this.#options
    const [come, gone] = [socketsOf(this.#come), socketsOf(this.#gone)]
    this.#come.clear()
    this.#gone.clear()
    if (come.length > 0) await this.#try(() => presence.connected(come, this.#roomsOf))
    if (gone.length > 0) await this.#try(() => presence.disconnected(gone))
  }

  async #renew(): Promise<void> {
    const nowMs = performance.now()
    const due: Connection[] = []
    this.#options.connections.forEach((connection) => {
      const { renewedAtMs } = connection
      // Who has not been heard of since may be dead already: then the 60 s run out.
      if (nowMs - renewedAtMs < HEARTBEAT_INTERVAL_MS || connection.heardAtMs <= renewedAtMs) return
      connection.renewedAtMs = nowMs
      due.push(connection)
    })
    if (due.length > 0) await this.#try(() => this.#options.presence.renewed(socketsOf(due)))
  }

  /** What fails is made good by the next renewal, or by the expiry. */
  async #try(call: () => Promise<void>): Promise<void> {
    try {
      await call()
    } catch (err) {
      this.#options.log.debug({ err }, 'presence was not told')
    }
  }
}

function socketsOf(connections: Iterable<Connection>): readonly LiveSocket[] {
  return Array.from(connections, ({ userId, id }) => ({ userId, socketId: id }))
}

/** In larger rooms nobody is told who comes and goes. */
function livelyRoomsOf(db: Kysely<Tables>): RoomsOf {
  return async (userIds) => {
    const { rows } = await sql<{ userId: string; rooms: readonly string[] }>`
      SELECT m.user_id AS "userId", array_agg(m.room_id) AS rooms
      FROM chat.room_members m JOIN chat.rooms r ON r.id = m.room_id
      WHERE m.user_id = ANY (${userIds}::text[]) AND r.member_count <= ${MAX_LIVELY_MEMBERS}
      GROUP BY m.user_id`.execute(db)
    return new Map(rows.map(({ userId, rooms }) => [userId, rooms]))
  }
}
