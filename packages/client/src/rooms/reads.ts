import type { Message } from '@roomlog/protocol/wire'
import type { Api } from '../api.ts'
import type { Platform } from '../platform/platform.ts'
import { Timer } from '../platform/timer.ts'
import { isRetryable } from '../session/errors.ts'
import type { Rooms } from './rooms.ts'

/** Reading on within this time is told at once. */
const BATCH_MS = 1000
const RETRY_MS = 5000

/** Tells how far somebody has read: the farthest of each room, once a second at most. */
export class Reads {
  readonly #platform: Platform
  readonly #api: Api
  readonly #rooms: Rooms
  readonly #waiting = new Map<string, Pick<Message, 'id' | 'seq'>>()
  readonly #timers = new Map<string, Timer>()

  constructor(platform: Platform, api: Api, rooms: Rooms) {
    this.#platform = platform
    this.#api = api
    this.#rooms = rooms
  }

  /** Up to and with this message; one before what was told already does nothing. */
  read({ roomId, id, seq }: Pick<Message, 'roomId' | 'id' | 'seq'>): void {
    if (seq <= (this.#waiting.get(roomId)?.seq ?? 0)) return
    this.#waiting.set(roomId, { id, seq })
    this.#rooms.feed({ type: 'readUpTo', roomId, lastReadSeq: seq })
    if (!this.#timers.has(roomId)) this.#wait(roomId, BATCH_MS)
  }

  /** What waits is not told. */
  close(): void {
    for (const timer of this.#timers.values()) timer.clear()
    this.#timers.clear()
  }

  #wait(roomId: string, ms: number): void {
    const timer = new Timer(this.#platform)
    this.#timers.set(roomId, timer)
    timer.set(ms, () => void this.#tell(roomId))
  }

  async #tell(roomId: string): Promise<void> {
    const told = this.#waiting.get(roomId)
    if (told === undefined) return
    try {
      const { lastReadSeq } = await this.#api.read(roomId, told.id)
      // Else it is closed: somebody else may be signed in by now.
      if (this.#timers.has(roomId)) this.#rooms.feed({ type: 'readUpTo', roomId, lastReadSeq })
    } catch (error) {
      if (isRetryable(error) && this.#timers.has(roomId)) return this.#wait(roomId, RETRY_MS)
    }
    if (!this.#timers.delete(roomId)) return
    if (this.#waiting.get(roomId) === told) this.#waiting.delete(roomId)
    else this.#wait(roomId, BATCH_MS)
  }
}
