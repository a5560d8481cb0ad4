import type { Platform } from '../platform/platform.ts'
import { isRetryable } from '../session/errors.ts'
import type { Sessions } from '../session/sessions.ts'

/** A token is replaced when so much of its life is left, at the latest. */
const LEFT_MS = 60_000
const LEFT_SHARE = 0.2
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
  #timer: unknown

  constructor(options: RenewalOptions, expiresInMs: number) {
    this.#options = options
    this.#token = options.token
    this.done(expiresInMs)
  }

  /** The edge has taken a token that lasts so long. */
  done(expiresInMs: number): void {
    this.#wait(Math.max(expiresInMs - Math.max(LEFT_MS, expiresInMs * LEFT_SHARE), expiresInMs / 2))
  }

  stop(): void {
    this.#options.platform.clearTimeout(this.#timer as never)
    this.#timer = null
  }

  #wait(ms: number): void {
    const { setTimeout, clearTimeout } = this.#options.platform
    clearTimeout(this.#timer as never)
    this.#timer = setTimeout(() => void this.#renew(), ms)
  }

  async #renew(): Promise<void> {
    const { sessions, renew } = this.#options
    try {
      const { accessToken } = await sessions.refresh(this.#token)
      if (this.#timer === null) return
      this.#token = accessToken
      renew(accessToken)
      // Not answered, or refused: the socket keeps its old expiry, and is closed 4401 then.
    } catch (error) {
      if (this.#timer !== null && isRetryable(error))
        this.#wait(RETRY_MS * (1 + this.#options.platform.random()))
    }
  }
}
