import type { FastifyInstance } from 'fastify'
import { pino } from 'pino'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createMetrics } from './metrics.ts'
import { createServer } from './server.ts'

const HANDLER_TIMEOUT_MS = 300
/** Never answers by itself. */
const forever = new Promise(() => undefined)

let app: FastifyInstance
let signal: AbortSignal | undefined
let url = ''

beforeEach(async () => {
  signal = undefined
  app = await createServer({
    log: pino({ level: 'silent' }),
    isUnavailable: () => false,
    metrics: createMetrics(),
    handlerTimeoutMs: HANDLER_TIMEOUT_MS,
  })
  const handler = async (request: { readonly signal: AbortSignal }) => {
    signal = request.signal
    await new Promise(setImmediate)
    return { isThere: !request.signal.aborted }
  }
  app.route({ method: ['GET', 'POST'], url: '/', handler })
  app.post('/forever', async (request) => {
    signal = request.signal
    return forever
  })
  url = await app.listen({ host: '127.0.0.1', port: 0 })
})
afterEach(() => app.close())

const post = (path: string, abort?: AbortSignal) =>
  fetch(url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"a":1}',
    ...(abort && { signal: abort }),
  })

test('a client whose body has been read is there until it has its answer', async () => {
  for (const answer of [await fetch(url), await post('/')])
    expect(await answer.json()).toEqual({ isThere: true })
})

test('an answer that was given aborts nothing', async () => {
  const answered = new Promise<void>((resolve) =>
    app.server.once('request', (_, raw) => raw.once('close', resolve)),
  )
  await (await fetch(url)).text()
  await answered
  expect(signal?.aborted).toBe(false)
})

test('a request with a body that is not answered in time gets 503', async () => {
  const answer = await post('/forever')
  expect(answer.status).toBe(503)
  expect(await answer.json()).toMatchObject({ error: { code: 'unavailable' } })
})

test('a client that goes aborts what is done for it', async () => {
  const client = new AbortController()
  const answer = post('/forever', client.signal)
  await expect.poll(() => signal?.aborted, { interval: 5 }).toBe(false)
  client.abort()
  await expect(answer).rejects.toThrow()
  await expect.poll(() => signal?.aborted).toBe(true)
})
