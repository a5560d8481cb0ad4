import type { ErrorCode } from '@roomlog/protocol/wire'
import type { FetchAnswer, Platform } from '../platform/platform.ts'
import { Timer } from '../platform/timer.ts'
import { RoomlogError } from './errors.ts'

/** The api takes 15 s for a request to arrive and 5 s to answer it; the rest is the network’s. */
const TIMEOUT_MS = 30_000

export interface Call {
  readonly method?: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  readonly body?: object
  /** An access token; it goes into a header, never into the address. */
  readonly token?: string
}

/** Calls of the api: JSON there and back, a `RoomlogError` for whatever is no success. */
export class Rest {
  readonly #url: string
  readonly #platform: Platform

  /** `url` is the api's address, with or without a path under which it is reached. */
  constructor(url: string, platform: Platform) {
    this.#url = url.replace(/\/+$/, '')
    this.#platform = platform
  }

  async call<T>(path: string, { method = 'GET', body, token }: Call = {}): Promise<T> {
    const abort = new AbortController()
    const { fetch } = this.#platform
    const timer = new Timer(this.#platform)
    timer.set(TIMEOUT_MS, () => abort.abort())
    try {
      const answer = await fetch(this.#url + path, {
        method,
        headers: {
          ...(body && { 'content-type': 'application/json' }),
          ...(token && { authorization: `Bearer ${token}` }),
        },
        ...(body && { body: JSON.stringify(body) }),
        signal: abort.signal,
        cache: 'no-store',
        credentials: 'omit',
      })
      const text = await answer.text()
      if (!answer.ok) throw refusal(answer, text)
      return (text === '' ? undefined : JSON.parse(text)) as T
    } catch (error) {
      if (error instanceof RoomlogError) throw error
      throw new RoomlogError('network', `${method} ${path}: no answer`, { cause: error })
    } finally {
      timer.clear()
    }
  }
}

/** An answer that is none of the api's, as a proxy's page, has its HTTP class alone. */
function refusal({ status, headers }: FetchAnswer, text: string): RoomlogError {
  const error = errorOf(text)
  const code = error?.code ?? (status >= 500 ? 'unavailable' : 'validation_failed')
  const seconds = Number(headers.get('retry-after'))
  return new RoomlogError(code, error?.message ?? `answered ${status}`, {
    status,
    retryAfterMs: seconds > 0 ? seconds * 1000 : undefined,
    details: error?.details,
  })
}

function errorOf(text: string): { code: ErrorCode; message: string; details?: unknown } | undefined {
  try {
    return (JSON.parse(text) as { error?: { code: ErrorCode; message: string } }).error
  } catch {
    return undefined
  }
}
