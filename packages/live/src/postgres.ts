import { type Database, listen } from '@roomlog/db'
import { sql } from 'kysely'
import type { Logger } from 'pino'
import { Breaker } from './breaker.ts'
import type { Channel, Live, Signal, Signals } from './port.ts'
import { PostgresPresence, SIGNALS_CHANNEL } from './postgres-presence.ts'
import type { PresenceTimes } from './times.ts'
import { Watching } from './watching.ts'

export interface PostgresLiveSettings {
  /** Stays its owner's to close, after this. */
  readonly database: Database
  readonly times: PresenceTimes
}

export function postgresLive({ database, times }: PostgresLiveSettings, logger: Logger): Live {
  const breaker = new Breaker(logger)
  const signals = new PostgresSignals(database, breaker)
  const stop = listen(database, {
    channels: [SIGNALS_CHANNEL],
    onNotification: (_channel, payload) => signals.arrived(payload),
    onConnected: () => undefined,
    onError: (err) => logger.debug({ err }, 'signals are not heard for a moment'),
  })
  return {
    presence: new PostgresPresence(database.db, breaker, times),
    signals,
    ping: () => breaker.call(() => database.ping()),
    close: stop,
  }
}

/** One channel for all signals; what nobody here watches is dropped on arrival. */
class PostgresSignals implements Signals {
  readonly #database: Database
  readonly #breaker: Breaker
  readonly #watching = new Watching()

  constructor(database: Database, breaker: Breaker) {
    this.#database = database
    this.#breaker = breaker
  }

  async publish(signal: Exclude<Signal, { type: 'presence' }>): Promise<void> {
    const notify = sql`SELECT pg_notify(${SIGNALS_CHANNEL}, ${JSON.stringify(signal)})`
    await this.#breaker.call(() => notify.execute(this.#database.db))
  }

  listen(listener: (signal: Signal) => void): () => void {
    return this.#watching.listen(listener)
  }

  async watch(channel: Channel): Promise<void> {
    this.#watching.add(channel)
  }

  async unwatch(channel: Channel): Promise<void> {
    this.#watching.remove(channel)
  }

  arrived(payload: string): void {
    this.#watching.arrived(payload)
  }
}
