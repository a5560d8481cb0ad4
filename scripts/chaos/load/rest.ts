import { type Call, requestOf } from '../../request.ts'

/** What a call of the api came to; `status` 0: no answer. */
export interface Answer {
  readonly status: number
  // biome-ignore lint/suspicious/noExplicitAny: what a client sees is JSON
  readonly body: any
  readonly ms: number
  readonly retryAfter: string | null
}

/** Longer than the api's own bound: whoever has to answer within it is measured, not cut off. */
const PATIENCE_MS = 20_000

/** Never rejects. */
export async function call(
  url: string,
  options: Call & { readonly patienceMs?: number } = {},
): Promise<Answer> {
  const startedAtMs = performance.now()
  const ms = () => performance.now() - startedAtMs
  try {
    const signal = AbortSignal.timeout(options.patienceMs ?? PATIENCE_MS)
    const response = await fetch(url, { ...requestOf(options), signal })
    const text = await response.text()
    const retryAfter = response.headers.get('retry-after')
    return { status: response.status, body: text === '' ? undefined : JSON.parse(text), ms: ms(), retryAfter }
  } catch {
    return { status: 0, body: undefined, ms: ms(), retryAfter: null }
  }
}
