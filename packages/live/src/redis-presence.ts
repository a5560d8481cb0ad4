import type { Breaker } from './breaker.ts'
import type { LiveSocket, Presence, RoomsOf } from './port.ts'
import type { ScriptName, Scripts } from './redis-scripts.ts'
import { type PresenceTimes, slices } from './times.ts'

/** A script for each call, so that what it looks at and what it tells are one step. */
export class RedisPresence implements Presence {
  readonly #scripts: Scripts
  readonly #breaker: Breaker
  readonly #prefix: string
  readonly #times: PresenceTimes

  constructor(scripts: Scripts, breaker: Breaker, prefix: string, times: PresenceTimes) {
    this.#scripts = scripts
    this.#breaker = breaker
    this.#prefix = prefix
    this.#times = times
  }

  async connected(sockets: readonly LiveSocket[], roomsOf: RoomsOf): Promise<void> {
    for (const part of slices(sockets)) {
      const rooms = await roomsOf(part.map(({ userId }) => userId))
      const args = part.flatMap(({ userId, socketId }) => [userId, socketId, roomsJson(rooms, userId)])
      await this.#run('presenceConnected', this.#times.socketTtlMs, ...args)
    }
  }

  async renewed(sockets: readonly LiveSocket[]): Promise<void> {
    for (const part of slices(sockets)) {
      await this.#run('presenceRenewed', this.#times.socketTtlMs, ...part.flatMap(pair))
    }
  }

  async disconnected(sockets: readonly LiveSocket[]): Promise<void> {
    for (const part of slices(sockets)) {
      await this.#run('presenceDisconnected', this.#times.graceMs, ...part.flatMap(pair))
    }
  }

  async announceDue(roomsOf: RoomsOf): Promise<void> {
    const due = (await this.#run('presenceDue')) as readonly string[]
    for (const users of slices(due)) {
      const rooms = await roomsOf(users)
      await this.#run('presenceLook', ...users.flatMap((userId) => [userId, roomsJson(rooms, userId)]))
    }
  }

  async online(userIds: readonly string[]): Promise<ReadonlyMap<string, boolean>> {
    const online = new Map<string, boolean>()
    for (const part of slices(userIds)) {
      const answers = (await this.#run('presenceOnline', ...part)) as readonly number[]
      for (const [index, userId] of part.entries()) online.set(userId, answers[index] === 1)
    }
    return online
  }

  #run(script: ScriptName, ...args: readonly (string | number)[]): Promise<unknown> {
    return this.#breaker.call(() => this.#scripts[script](this.#prefix, ...args))
  }
}

function roomsJson(rooms: ReadonlyMap<string, readonly string[]>, userId: string): string {
  return JSON.stringify(rooms.get(userId) ?? [])
}

function pair({ userId, socketId }: LiveSocket): readonly string[] {
  return [userId, socketId]
}
