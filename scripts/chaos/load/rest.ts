/** What a call of the api came to; `status` 0: no answer. */
export interface Answer {
  readonly status: number
  // biome-ignore lint/suspicious/noExplicitAny: what a client sees is JSON
  readonly body: any
  readonly ms: number
  readonly retryAfter: string | null
  /** Of an error without an answer, as in `ECONNREFUSED`. */
  readonly error?: string
}

/** Longer than the api's own bound: whoever has to answer within it is measured, not cut off. */
const PATIENCE_MS = 20_000

export interface Call {
  readonly method?: 'GET' | 'POST' | 'DELETE'
  readonly body?: object
  readonly token?: string
  readonly patienceMs?: number
}

/** Never rejects. */
export async function call(url: string, options: Call = {}): Promise<Answer> {
  const { method = options.body === undefined ? 'GET' : 'POST', body, token } = options
  const startedAtMs = performance.now()
  const ms = () => performance.now() - startedAtMs
  try {
    const response = await fetch(url, {
      method,
      headers: {
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(options.patienceMs ?? PATIENCE_MS),
    })
    const text = await response.text()
    const retryAfter = response.headers.get('retry-after')
    return { status: response.status, body: text === '' ? undefined : JSON.parse(text), ms: ms(), retryAfter }
  } catch (error) {
    const { name, cause } = error as Error & { readonly cause?: { readonly code?: string } }
    return { status: 0, body: undefined, ms: ms(), retryAfter: null, error: cause?.code ?? name }
  }
}
