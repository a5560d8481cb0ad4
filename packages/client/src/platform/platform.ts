import type { IndexedDb } from './indexed-db.ts'

/** What the client takes from where it runs. Tests give another one; a missing part is done without. */
export interface Platform {
  readonly fetch: (url: string, init: FetchInit) => Promise<FetchAnswer>
  readonly WebSocket: SocketConstructor | undefined
  /** Milliseconds since 1970 as the machine has them: they may jump. For display only. */
  readonly wallMs: () => number
  /** Milliseconds that never jump; they may stand still while the machine sleeps. */
  readonly monotonicMs: () => number
  /** As the global ones: it may be late by minutes in a tab that nobody looks at. */
  readonly setTimeout: (act: () => void, ms: number) => unknown
  readonly clearTimeout: (timer: never) => void
  /** 0 ≤ x < 1. */
  readonly random: () => number
  /** 8 to 64 of A-Z a-z 0-9 _ -, another one each time. */
  readonly newId: () => string
  /** Web Locks: what only one of a browser's tabs does at a time. */
  readonly locks: Locks | undefined
  readonly indexedDB: IndexedDb | undefined
  readonly localStorage: TextStorage | undefined
  /**
   * Calls `listener` when a network seems to have come or gone, which browsers only guess at, or somebody looks again; the
   * answer ends that.
   */
  readonly onWake: (listener: () => void) => () => void
  /** Calls `listener` with the key that another tab changed in localStorage; null for all of them. */
  readonly onStored: (listener: (key: string | null) => void) => () => void
}

export interface FetchInit {
  readonly method: string
  readonly headers: Record<string, string>
  readonly body?: string
  readonly signal: AbortSignal
  readonly cache: 'no-store'
  readonly credentials: 'omit'
}

export interface FetchAnswer {
  readonly ok: boolean
  readonly status: number
  readonly headers: { get(name: string): string | null }
  text(): Promise<string>
}

/** What is used of a WebSocket. */
export interface Socket {
  /** As of a browser's WebSocket: 0 connecting, 1 open, 2 closing, 3 closed. */
  readonly readyState: number
  send(text: string): void
  close(code?: number): void
  addEventListener(type: 'message', listener: (event: { readonly data: unknown }) => void): void
  addEventListener(type: 'close', listener: (event: { readonly code: number }) => void): void
  addEventListener(type: 'error', listener: () => void): void
}

export type SocketConstructor = new (url: string, protocols: string[]) => Socket

export interface Locks {
  request<T>(
    name: string,
    options: { readonly ifAvailable?: boolean; readonly signal?: AbortSignal },
    act: (lock: object | null) => Promise<T>,
  ): Promise<T>
}

export interface TextStorage {
  getItem(key: string): string | null
  setItem(key: string, text: string): void
  removeItem(key: string): void
}

type TargetListener = (event: { readonly key?: string | null }) => void

interface Target {
  addEventListener(type: string, listener: TargetListener): void
  removeEventListener(type: string, listener: TargetListener): void
}

/** What browsers have and Node has not, or not in every version. */
interface Globals {
  readonly WebSocket?: SocketConstructor
  readonly navigator?: { readonly locks?: Locks }
  readonly document?: Target & { readonly visibilityState: string }
  readonly window?: Target
  readonly indexedDB?: IndexedDb
  readonly localStorage?: TextStorage
}

const ID_BYTES = 16

export function defaultPlatform(): Platform {
  const globals = globalThis as unknown as Globals
  const { window, document } = globals
  return {
    fetch: (url, init) => fetch(url, init),
    WebSocket: globals.WebSocket,
    wallMs: Date.now,
    monotonicMs: () => performance.now(),
    setTimeout: (act, ms) => setTimeout(act, ms),
    clearTimeout: (timer) => clearTimeout(timer),
    random: Math.random,
    newId: () =>
      [...crypto.getRandomValues(new Uint8Array(ID_BYTES))]
        .map((byte) => byte.toString(16).padStart(2, '0'))
        .join(''),
    // Only a browser's tabs share what the locks guard. To look at what is forbidden may throw.
    locks: window && globals.navigator?.locks,
    indexedDB: globals.indexedDB,
    localStorage: window && allowed(() => globals.localStorage),
    onWake: (listener) => {
      const endings = [
        heard(window, 'online', listener),
        heard(window, 'offline', listener),
        heard(document, 'visibilitychange', () => document?.visibilityState === 'visible' && listener()),
      ]
      return () => {
        for (const end of endings) end()
      }
    },
    onStored: (listener) => heard(window, 'storage', ({ key }) => listener(key ?? null)),
  }
}

function heard(target: Target | undefined, type: string, listener: TargetListener): () => void {
  target?.addEventListener(type, listener)
  return () => target?.removeEventListener(type, listener)
}

function allowed<T>(look: () => T): T | undefined {
  try {
    return look()
  } catch {
    return undefined
  }
}
