import { decodeSignal } from './decode-signal.ts'
import { type Channel, channelsOf, type Signal } from './port.ts'

/** The channels a process watches and who listens; adapters feed it what arrives. */
export class Watching {
  readonly #channels = new Map<string, Channel>()
  readonly #listeners = new Set<(signal: Signal) => void>()

  listen(listener: (signal: Signal) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  get channels(): readonly Channel[] {
    return [...this.#channels.values()]
  }

  add(channel: Channel): void {
    this.#channels.set(keyOf(channel), channel)
  }

  remove(channel: Channel): void {
    this.#channels.delete(keyOf(channel))
  }

  has(key: string): boolean {
    return this.#channels.has(key)
  }

  arrived(payload: string): void {
    const signal = decodeSignal(payload)
    if (signal === undefined || !this.#isWatched(signal)) return
    for (const listener of this.#listeners) listener(signal)
  }

  #isWatched(signal: Signal): boolean {
    return signal.type === 'presence' || channelsOf(signal).some((channel) => this.has(keyOf(channel)))
  }
}

/** `room:<id>` or `user:<id>`. */
export function keyOf(channel: Channel): string {
  return channel.kind === 'room' ? `room:${channel.roomId}` : `user:${channel.userId}`
}
