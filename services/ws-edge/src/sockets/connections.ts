import { HEARTBEAT_INTERVAL_MS } from '@roomlog/protocol'
import type { Connection } from './connection.ts'

const TICK_MS = 1000
/** Between two pings. */
const [MIN_PING_MS, MAX_PING_MS] = [0.8 * HEARTBEAT_INTERVAL_MS, 1.2 * HEARTBEAT_INTERVAL_MS]
/** After a heartbeat, with some room for the way that the next has to take. */
const OVERDUE_MS = 1.1 * HEARTBEAT_INTERVAL_MS
const NONE: ReadonlySet<Connection> = new Set()

/** All sockets of this edge, also by user, and the one timer that looks after them. */
export class Connections {
  readonly #all = new Set<Connection>()
  readonly #byUser = new Map<string, Set<Connection>>()
  readonly #maxPerUser: number
  readonly #timer: NodeJS.Timeout

  constructor(maxPerUser: number) {
    this.#maxPerUser = maxPerUser
    this.#timer = setInterval(() => this.#tick(), TICK_MS)
  }

  get size(): number {
    return this.#all.size
  }

  [Symbol.iterator](): IterableIterator<Connection> {
    return this.#all.values()
  }

  /** Where it is often: an iterator makes an object for each. */
  forEach(look: (connection: Connection) => void): void {
    this.#all.forEach(look)
  }

  /** One above a user's limit closes the user's oldest. */
  add(connection: Connection): void {
    this.#all.add(connection)
    connection.nextPingAtMs = nextPingAtMs(performance.now())
    const own = this.#byUser.get(connection.userId) ?? new Set()
    this.#byUser.set(connection.userId, own.add(connection))
    if (own.size <= this.#maxPerUser) return
    const open = [...own].filter((it) => it.isOpen)
    if (open.length > this.#maxPerUser) open[0]?.close('limitExceeded')
  }

  remove(connection: Connection): void {
    this.#all.delete(connection)
    const own = this.#byUser.get(connection.userId)
    own?.delete(connection)
    if (own?.size === 0) this.#byUser.delete(connection.userId)
  }

  ofUser(userId: string): ReadonlySet<Connection> {
    return this.#byUser.get(userId) ?? NONE
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  #tick(): void {
    const nowMs = performance.now()
    this.forEach((connection) => {
      connection.check(nowMs)
      if (nowMs >= connection.nextPingAtMs) this.#ask(connection, nowMs)
    })
  }

  /** For a sign of life; whoever sends heartbeats only once one is overdue. */
  #ask(connection: Connection, nowMs: number): void {
    if (nowMs - connection.heardAtMs < MIN_PING_MS) {
      connection.nextPingAtMs = between(OVERDUE_MS, MAX_PING_MS, connection.heardAtMs)
      return
    }
    connection.ping()
    connection.nextPingAtMs = nextPingAtMs(nowMs)
  }
}

/** Spread, so that sockets which came at once are not pinged at once. */
function nextPingAtMs(nowMs: number): number {
  return between(MIN_PING_MS, MAX_PING_MS, nowMs)
}

function between(minMs: number, maxMs: number, afterMs: number): number {
  return afterMs + minMs + (maxMs - minMs) * Math.random()
}
