import type { OutboxStore } from './outbox/outbox-store.ts'
import type { Platform } from './platform/platform.ts'
import type { SessionStore } from './session/session-store.ts'

export interface ClientOptions {
  /** The api's address. */
  readonly url: string
  /** Where the session is kept; default: in memory. `browserSessionStore()` keeps it over reloads, for all tabs. */
  readonly sessionStore?: SessionStore
  /** Where a user's messages are kept until they are stored; default: IndexedDB where there is one, else memory. */
  readonly outboxStore?: (userId: string) => OutboxStore | Promise<OutboxStore>
  /** Instead of what the platform has; on Node 20, which has no WebSocket, that of the package `ws`. */
  readonly platform?: Partial<Platform>
}

export interface NewAccount {
  readonly username: string
  readonly password: string
  /** Default: the username. */
  readonly displayName?: string
}
