import type { Platform } from '../platform/platform.ts'
import { Timer } from '../platform/timer.ts'
import { isRetryable } from '../session/errors.ts'
import type { Sessions } from '../session/sessions.ts'

/** A token is replaced after so much of its life: the rest is for a timer that is late, and for trying again. */
const RENEWED_AT = 0.8
const RETRY_MS = 2000

export interface RenewalOptions {
  readonly platform: Platform
  readonly sessions: Sessions
  /** The one that the socket was opened with. */
  readonly token: string
  /** Hands the edge a newer one. */
  readonly renew: (token: string) => void
}

/** Prolongs an open socket: before its token expires the edge is given a newer one. */
export class Renewal {
  readonly #options: RenewalOptions
  #token: string
  readonly #timer: Timer
  #isOver = false

  constructor(options: RenewalOptions, expiresInMs: number) {
    this.#options = options
    this.#token = options.token
    this.#timer = new Timer(options.platform)
    this.done(expiresInMs)
  }

  /** The edge has taken a token that lasts so long. */
  done(expiresInMs: number): void {
    this.#wait(expiresInMs * RENEWED_AT)
  }

  stop(): void {
    this.#isOver = true
    this.#timer.clear()
  }

  #wait(ms: number): void {
    this.#timer.set(ms, () => void this.#renew())
  }

  async #renew(): Promise<void> {
    const { sessions, renew } = this.#options
    try {
      const { accessToken } = await sessions.refresh(this.#token)
      if (this.#isOver) return
      this.#token = accessToken
      renew(accessToken)
      // Not answered, or refused: the socket keeps its old expiry, and is closed 4401 then.
    } catch (error) {
      if (!this.#isOver && isRetryable(error)) this.#wait(RETRY_MS * (1 + this.#options.platform.random()))
    }
  }
}
