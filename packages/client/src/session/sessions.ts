import type { Session, User } from '@roomlog/protocol/wire'
import type { Platform } from '../platform/platform.ts'
import { Timer } from '../platform/timer.ts'
import { Cell, type Value } from '../platform/value.ts'
import { codeOf, RoomlogError } from './errors.ts'
import type { Call, Rest } from './rest.ts'
import type { KeptSession, SessionStore } from './session-store.ts'

/** So long a tab waits for one that refreshes; tokens that two refresh at once both answer for 30 s. */
const REFRESH_LOCK_MS = 10_000

/** Who is signed in: tokens are got, replaced, and kept for all tabs. */
export class Sessions {
  readonly #user: Cell<User | undefined>
  readonly #rest: Rest
  readonly #store: SessionStore
  readonly #platform: Platform
  #refreshing: Promise<KeptSession> | undefined
  readonly #unsubscribe: () => void

  constructor(rest: Rest, store: SessionStore, platform: Platform) {
    this.#rest = rest
    this.#store = store
    this.#platform = platform
    this.#user = new Cell(store.get()?.user)
    this.#unsubscribe = store.subscribe(() => this.#becomes(store.get()?.user))
  }

  /** Undefined when nobody is signed in, or the session has ended. */
  get user(): Value<User | undefined> {
    return this.#user
  }

  /** Calls `listener` when the user is signed out, or the session has ended; the answer ends that. */
  onSignedOut(listener: () => void): () => void {
    return this.#user.subscribe(() => {
      if (this.#user.get() === undefined) listener()
    })
  }

  /** The session that counts now; throws `signed_out`. */
  get current(): KeptSession {
    const kept = this.#store.get()
    if (kept !== undefined && kept.user.id === this.#user.get()?.id) return kept
    // Nobody, or somebody else whom another tab has signed in, and not whom this client speaks for: it may not have heard.
    this.#becomes(kept?.user)
    throw signedOut()
  }

  async begin(path: '/auth/login' | '/auth/register', body: object): Promise<User> {
    return this.#keep(await this.#rest.call<Session>(path, { method: 'POST', body })).user
  }

  /** Ends it here whatever happens, and at the api; throws when the api could not be told. */
  async end(): Promise<void> {
    const { refreshToken } = this.current
    this.forget()
    await this.#rest.call('/auth/logout', { method: 'POST', body: { refreshToken } })
  }

  /** Signs out here alone. */
  forget(): void {
    if (this.#store.get()?.user.id === this.#user.get()?.id) this.#store.set(undefined)
    this.#user.set(undefined)
  }

  /** A call in the user's name; an access token that is not believed any more is replaced, once. */
  async call<T>(path: string, call: Call = {}): Promise<T> {
    const { accessToken } = this.current
    try {
      return await this.#rest.call<T>(path, { ...call, token: accessToken })
    } catch (error) {
      if (codeOf(error) !== 'unauthenticated') throw error
      const { accessToken: token } = await this.refresh(accessToken)
      return this.#rest.call<T>(path, { ...call, token })
    }
  }

  /**
   * The session with another access token than `used`: one that another tab has got, else a new one. Throws
   * `signed_out` when the session has ended, and whatever the api's way brings.
   */
  refresh(used: string): Promise<KeptSession> {
    this.#refreshing ??= this.#one(() => this.#refresh(used)).finally(() => {
      this.#refreshing = undefined
    })
    return this.#refreshing
  }

  close(): void {
    this.#unsubscribe()
  }

  /** One of all tabs at a time. */
  async #one(act: () => Promise<KeptSession>): Promise<KeptSession> {
    const { locks } = this.#platform
    if (locks === undefined) return act()
    const late = new AbortController()
    const timer = new Timer(this.#platform)
    timer.set(REFRESH_LOCK_MS, () => late.abort())
    let isOurs = false
    const locked = () => {
      isOurs = true
      timer.clear()
      return act()
    }
    try {
      return await locks.request(`roomlog:refresh:${this.#store.name}`, { signal: late.signal }, locked)
    } catch (error) {
      // Whoever has the lock hangs, or locks are forbidden here.
      if (isOurs) throw error
      return act()
    } finally {
      timer.clear()
    }
  }

  async #refresh(used: string): Promise<KeptSession> {
    const { accessToken, refreshToken } = this.current
    if (accessToken !== used) return this.current
    try {
      const session = await this.#rest.call<Session>('/auth/refresh', {
        method: 'POST',
        body: { refreshToken },
      })
      // Signed out meanwhile: the new tokens are not to be kept.
      if (this.#store.get()?.refreshToken !== refreshToken) return this.current
      return this.#keep(session)
    } catch (error) {
      if (codeOf(error) !== 'unauthenticated') throw error
      if (this.#store.get()?.refreshToken === refreshToken) this.forget()
      throw signedOut(error)
    }
  }

  #keep({ accessToken, refreshToken, user }: Session): KeptSession {
    const kept = { accessToken, refreshToken, user }
    this.#store.set(kept)
    this.#becomes(user)
    return kept
  }

  #becomes(user: User | undefined): void {
    if (user?.id === this.#user.get()?.id) return
    // Never from one user to another at once: what belongs to the first is dropped between.
    this.#user.set(undefined)
    this.#user.set(user)
  }
}

function signedOut(cause?: unknown): RoomlogError {
  return new RoomlogError('signed_out', 'nobody is signed in', { status: 401, cause })
}
