import type { Session } from '@roomlog/protocol/wire'
import { defaultPlatform, type Platform } from '../platform/platform.ts'

export type KeptSession = Pick<Session, 'accessToken' | 'refreshToken' | 'user'>

/** Where a session is kept. Tabs that share a store share the session. */
export interface SessionStore {
  /** Other clients with the same name share what is kept. */
  readonly name: string
  get(): KeptSession | undefined
  set(session: KeptSession | undefined): void
  /** Calls `listener` when another tab has changed it; the answer ends that. */
  subscribe(listener: () => void): () => void
}

/** Of this process, and gone with it. */
export function memorySessionStore(session?: KeptSession): SessionStore {
  let kept = session
  return {
    name: 'memory',
    get: () => kept,
    set: (it) => {
      kept = it
    },
    subscribe: () => () => undefined,
  }
}

/**
 * In localStorage: over reloads, and for all tabs of an origin. Any script of that origin can read it, so the page needs
 * a Content-Security-Policy that lets in none but its own; the api's has one. Where the browser forbids it, in memory.
 */
export function browserSessionStore(
  key = 'roomlog.session',
  platform: Pick<Platform, 'localStorage' | 'onStored'> = defaultPlatform(),
): SessionStore {
  const storage = platform.localStorage
  const memory = memorySessionStore()
  if (storage === undefined) return memory
  return {
    name: key,
    get: () => {
      try {
        const text = storage.getItem(key)
        return text === null ? memory.get() : (JSON.parse(text) as KeptSession)
      } catch {
        return memory.get()
      }
    },
    set: (session) => {
      memory.set(undefined)
      try {
        if (session === undefined) storage.removeItem(key)
        else storage.setItem(key, JSON.stringify(session))
      } catch {
        // Full, or forbidden.
        memory.set(session)
      }
    },
    subscribe: (listener) =>
      platform.onStored((changed) => {
        if (changed === key || changed === null) listener()
      }),
  }
}
