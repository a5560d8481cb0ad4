import { setImmediate as nextTurn } from 'node:timers/promises'
import { Redis, type RedisOptions } from 'ioredis'
import type { Logger } from 'pino'
import { Breaker } from './breaker.ts'
import { type Channel, channelsOf, type Live, type Signal, type Signals } from './port.ts'
import { RedisPresence } from './redis-presence.ts'
import { SCRIPTS, type Scripts } from './redis-scripts.ts'
import { CALL_TIMEOUT_MS, type PresenceTimes } from './times.ts'
import { keyOf, Watching } from './watching.ts'

export interface RedisLiveSettings {
  readonly url: string
  readonly namespace: string
  readonly times: PresenceTimes
}

const RECONNECT_MIN_MS = 100
const RECONNECT_MAX_MS = 1000
/** A connection on which nothing was answered for so long is replaced: it may have been lost without a word. */
const SILENT_MS = 5000
/** A subscribed connection says nothing by itself that would be missed. */
const ASK_EVERY_MS = 5000

/** Neither connecting nor a command ever waits for a Redis that is away: commands fail at once, connecting goes on. */
const OPTIONS = {
  enableOfflineQueue: false,
  connectTimeout: CALL_TIMEOUT_MS,
  commandTimeout: CALL_TIMEOUT_MS,
  socketTimeout: SILENT_MS,
  maxRetriesPerRequest: 0,
  autoResubscribe: false,
  retryStrategy: (attempt: number) => Math.min(RECONNECT_MIN_MS * attempt, RECONNECT_MAX_MS),
} satisfies RedisOptions

export function redisLive({ url, namespace, times }: RedisLiveSettings, logger: Logger): Live {
  const prefix = namespace === '' ? '' : `${namespace}:`
  const redis = new Redis(url, OPTIONS)
  for (const [name, lua] of Object.entries(SCRIPTS)) redis.defineCommand(name, { lua, numberOfKeys: 0 })
  // Scripts become methods of the client by that call; its type cannot know them.
  const scripts = redis as unknown as Scripts
  const breaker = new Breaker(logger)
  // Told of by the breaker, at the first call that fails.
  redis.on('error', () => undefined)
  const subscriber = new Subscriber(new Redis(url, OPTIONS), prefix, logger)

  return {
    presence: new RedisPresence(scripts, breaker, prefix, times),
    signals: new RedisSignals(redis, subscriber, breaker, prefix),
    ping: async () => {
      await breaker.call(() => redis.ping())
    },
    close: async () => {
      redis.disconnect()
      subscriber.close()
    },
  }
}

class RedisSignals implements Signals {
  readonly #redis: Redis
  readonly #subscriber: Subscriber
  readonly #breaker: Breaker
  readonly #prefix: string

  constructor(redis: Redis, subscriber: Subscriber, breaker: Breaker, prefix: string) {
    this.#redis = redis
    this.#subscriber = subscriber
    this.#breaker = breaker
    this.#prefix = prefix
  }

  async publish(signal: Exclude<Signal, { type: 'presence' }>): Promise<void> {
    const payload = JSON.stringify(signal)
    for (const channel of channelsOf(signal)) {
      await this.#breaker.call(() => this.#redis.publish(this.#prefix + keyOf(channel), payload))
    }
  }

  listen(listener: (signal: Signal) => void): () => void {
    return this.#subscriber.watching.listen(listener)
  }

  watch(channel: Channel): Promise<void> {
    return this.#subscriber.watch(channel)
  }

  unwatch(channel: Channel): Promise<void> {
    return this.#subscriber.unwatch(channel)
  }
}

/** A connection of its own, since a subscribed one takes no other commands; subscribes anew after each loss. */
class Subscriber {
  readonly watching = new Watching()
  readonly #redis: Redis
  readonly #prefix: string
  readonly #asking: NodeJS.Timeout
  /** Keys that are watched since this turn of the event loop, or not any more. */
  readonly #changed = new Set<string>()
  #telling: Promise<void> | undefined

  constructor(redis: Redis, prefix: string, logger: Logger) {
    this.#redis = redis
    this.#prefix = prefix
    this.#asking = setInterval(() => redis.ping().catch(() => undefined), ASK_EVERY_MS)
    redis.on('error', () => undefined)
    redis.on('ready', () => {
      const channels = [
        `${prefix}presence`,
        ...this.watching.channels.map((channel) => prefix + keyOf(channel)),
      ]
      // Lost again meanwhile: the next ready does it.
      redis.subscribe(...channels).catch((err: unknown) => logger.debug({ err }, 'not subscribed yet'))
    })
    redis.on('message', (_channel, payload) => this.watching.arrived(payload))
  }

  watch(channel: Channel): Promise<void> {
    this.watching.add(channel)
    return this.#tell(channel)
  }

  unwatch(channel: Channel): Promise<void> {
    this.watching.remove(channel)
    return this.#tell(channel)
  }

  /** What changes within a turn of the event loop is one command: thousands may come at once, each with a channel. */
  #tell(channel: Channel): Promise<void> {
    this.#changed.add(keyOf(channel))
    this.#telling ??= nextTurn().then(() => {
      this.#telling = undefined
      return this.#tellAll()
    })
    return this.#telling
  }

  /** Both at once: what is asked later must not overtake. */
  async #tellAll(): Promise<void> {
    const changed = [...this.#changed]
    this.#changed.clear()
    if (this.#redis.status !== 'ready') return
    const named = (isWatched: boolean) =>
      changed.filter((key) => this.watching.has(key) === isWatched).map((key) => this.#prefix + key)
    const [come, gone] = [named(true), named(false)]
    await Promise.all([
      come.length > 0 && this.#redis.subscribe(...come).catch(() => 0),
      gone.length > 0 && this.#redis.unsubscribe(...gone).catch(() => 0),
    ])
  }

  close(): void {
    clearInterval(this.#asking)
    this.#redis.disconnect()
  }
}
