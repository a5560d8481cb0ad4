import type { ClientFrame } from '@roomlog/protocol/wire'
import type { Platform } from '../platform/platform.ts'
import { Timer } from '../platform/timer.ts'
import { Cell, type Value } from '../platform/value.ts'

const REPEAT_MS = 3000
const FORGET_MS = 6000

/** Who types in a room: others as they are heard, and this user, told no more often than is needed. */
export class Typing {
  readonly #platform: Platform
  readonly #roomId: string
  readonly #write: (frame: ClientFrame) => void
  readonly #others = new Cell<readonly string[]>([])
  readonly #timers = new Map<string, Timer>()
  #toldAtMs = Number.NEGATIVE_INFINITY

  constructor(platform: Platform, roomId: string, write: (frame: ClientFrame) => void) {
    this.#platform = platform
    this.#roomId = roomId
    this.#write = write
  }

  /** User ids, in the order in which they began. */
  get others(): Value<readonly string[]> {
    return this.#others
  }

  /** To be called at each key: what was told within 3 s is not told again. */
  tell(isTyping: boolean): void {
    const nowMs = this.#platform.monotonicMs()
    const isKnown = nowMs - this.#toldAtMs < REPEAT_MS
    if (isTyping ? isKnown : nowMs - this.#toldAtMs >= FORGET_MS) return
    this.#toldAtMs = isTyping ? nowMs : Number.NEGATIVE_INFINITY
    this.#write({ type: 'typing', roomId: this.#roomId, isTyping })
  }

  heard(userId: string, isTyping: boolean): void {
    const timer = this.#timers.get(userId) ?? new Timer(this.#platform)
    this.#timers.set(userId, timer)
    if (isTyping) timer.set(FORGET_MS, () => this.heard(userId, false))
    else timer.clear()
    const others = this.#others.get()
    if (others.includes(userId) === isTyping) return
    this.#others.set(isTyping ? [...others, userId] : others.filter((id) => id !== userId))
  }

  /** The connection is gone: nobody is known to type. */
  reset(): void {
    for (const userId of this.#timers.keys()) this.heard(userId, false)
    this.#timers.clear()
    this.#toldAtMs = Number.NEGATIVE_INFINITY
  }
}
